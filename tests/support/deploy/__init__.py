"""What `deploy` hands out, at work: proxies on other ports, units without a systemd."""
