"""The kiosk's screens, one a file."""
