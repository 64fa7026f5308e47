"""`python -m webapp` is the `triagedesk` command."""

from webapp.cli import main

if __name__ == "__main__":
    main()
