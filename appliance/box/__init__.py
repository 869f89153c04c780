"""The update box's role.

The store of sealed releases, the admission of requests, re-sealing for one device, receipts, the ledger, and the
facade through which the command line and the kiosk use them.
"""
