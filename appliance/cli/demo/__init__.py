"""updatebox demo: the whole loop on this machine; nothing is simulated but the hardware.

`command` is the verb, `story` what happens in which order, `attacks` what must be refused on the way,
`workshop` the vendor, the box, the devices and the media it happens with, `firmware` the images,
`summary` what is said at the end.
"""
