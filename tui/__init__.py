"""The technician's kiosk: a Textual program on the facade of the box."""
