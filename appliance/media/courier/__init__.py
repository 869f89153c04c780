"""The courier: the one process that parses the file system of a medium, and can do nothing else.

`client.CourierVolume` is the volume that everybody else sees; `starting.start` runs the process and
passes it the medium; `server` answers; `sandbox` takes away what the process does not need.
"""
