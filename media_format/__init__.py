"""What travels: encoding, signatures, objects, sealed payload, layout, and the FAT volume that carries it."""
