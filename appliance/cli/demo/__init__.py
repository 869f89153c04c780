"""updatebox demo: the whole loop on this machine; nothing is simulated but the hardware.

`command` is the verb, `story` what happens in which order, `workshop` the vendor, the box, the
devices and the stick it happens with, `firmware` the images, `summary` what is said at the end.
"""
