"""The roles (vendor, box, device), what they share (trust, TPM, media), and the command line."""
