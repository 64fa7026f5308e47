from typing import Any

FileField: Any
