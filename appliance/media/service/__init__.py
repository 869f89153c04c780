"""The media service: opens disks that may be touched for those who may not open disks.

A small process with rights on disks, so that kiosk and agent need none. It hands an open descriptor on
and does nothing else: it reads no byte of a medium. Noticing media needs no rights and stays with
whoever wants to know.
"""
