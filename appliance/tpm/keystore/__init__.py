"""The keystore: the soft TPM in a process of its own, which alone holds private keys in its memory.

`server` answers the TPM protocol on a Unix socket, `client` speaks it, `starting` finds the process or
starts one, `name` is what it listens under, `messages` says how calls travel, `audit` keeps who used what.
"""
