"""Pictures by area; each module has `document_pictures` and `all_pictures(browser, folder)`."""
