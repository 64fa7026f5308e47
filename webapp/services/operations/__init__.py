"""Running the product: doctor, housekeeping, dashboard, audit log, demo."""
