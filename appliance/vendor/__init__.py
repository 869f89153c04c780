"""The vendor's role: certificate authorities, enrolment and revocation, releases, receipts of the whole fleet."""
