"""The device's role.

Requests, the admission of packages, installation into the inactive slot, boot control, the journal that survives
power cuts, receipts, and the agent that does all of it when a medium is plugged in.
"""
