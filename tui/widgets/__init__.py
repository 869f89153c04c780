"""The parts of which the kiosk's screens are made, one a file."""
