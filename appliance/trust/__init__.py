"""Who may be believed: certificates, chains, revocation, time, the key chain, and the verifier on top.

Nothing here opens a file. Values named `Verified…` and the plans are made here only, so that bytes
nobody has verified cannot stand where verified ones belong.
"""
