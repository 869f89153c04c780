-- A store as the first schema had it, which had no number, with a row or two in every table.
CREATE TABLE devices (
	id TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	product TEXT NOT NULL,
	line TEXT NOT NULL,
	hardware TEXT NOT NULL,
	counter INTEGER NOT NULL,
	request BLOB NOT NULL,
	request_digest BLOB NOT NULL,
	first_seen INTEGER NOT NULL,
	last_seen INTEGER NOT NULL,
	PRIMARY KEY (id, epoch)
) STRICT;
CREATE INDEX ix_devices_product ON devices (product);
CREATE TABLE ledger (
	sequence INTEGER NOT NULL,
	time INTEGER NOT NULL,
	source TEXT NOT NULL,
	who TEXT NOT NULL,
	act TEXT NOT NULL,
	detail TEXT NOT NULL,
	previous BLOB NOT NULL,
	digest BLOB NOT NULL,
	signature BLOB,
	PRIMARY KEY (sequence)
) STRICT;
CREATE TABLE releases (
	manifest_digest BLOB NOT NULL,
	package_id BLOB NOT NULL,
	product TEXT NOT NULL,
	line TEXT NOT NULL,
	version TEXT NOT NULL,
	release_index INTEGER NOT NULL,
	manifest BLOB NOT NULL,
	imported INTEGER NOT NULL,
	PRIMARY KEY (manifest_digest),
	UNIQUE (package_id)
) STRICT;
CREATE INDEX ix_releases_product ON releases (product);
CREATE TABLE rules (
	product TEXT NOT NULL,
	line TEXT NOT NULL,
	hardware TEXT NOT NULL,
	first TEXT NOT NULL,
	last TEXT NOT NULL,
	allowed INTEGER NOT NULL,
	PRIMARY KEY (product, line, hardware, first, last)
) STRICT;
CREATE TABLE settings (
	name TEXT NOT NULL,
	value BLOB NOT NULL,
	PRIMARY KEY (name)
) STRICT;
CREATE TABLE users (
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	sealed BLOB NOT NULL,
	PRIMARY KEY (name)
) STRICT;
CREATE TABLE receipts (
	device_id TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	counter INTEGER NOT NULL,
	digest BLOB NOT NULL,
	previous BLOB,
	outcome TEXT NOT NULL,
	code TEXT,
	detail TEXT,
	version_before TEXT,
	version_after TEXT,
	finished INTEGER,
	receipt BLOB NOT NULL,
	collected INTEGER NOT NULL,
	gap INTEGER NOT NULL,
	PRIMARY KEY (device_id, epoch, counter),
	FOREIGN KEY(device_id, epoch) REFERENCES devices (id, epoch)
) STRICT;
CREATE INDEX receipts_by_time ON receipts (collected);
INSERT INTO devices VALUES ('pump-17', 1, 'pump', 'stable', 'rev-b', 4, x'd28440a0', x'0102', 1700000000, 1700000400);
INSERT INTO receipts VALUES ('pump-17', 1, 1, x'aa', NULL, 'installed', NULL, NULL, NULL, '1.0', 1700000100, x'd284', 1700000200, 0);
INSERT INTO receipts VALUES ('pump-17', 1, 2, x'bb', x'aa', 'refused', 'rollback', 'older', '1.0', NULL, NULL, x'd285', 1700000300, 0);
INSERT INTO releases VALUES (x'11', x'00112233445566778899aabbccddeeff', 'pump', 'stable', '1.0', 1, x'd286', 1700000000);
INSERT INTO rules VALUES ('pump', '', '', '', '', 1);
INSERT INTO users VALUES ('chief', 'supervisor', x'5ea1ed');
INSERT INTO ledger VALUES (1, 1700000000, 'system', 'chief', 'init', 'box box-1', zeroblob(32), x'd1', x'51');
INSERT INTO ledger VALUES (2, 1700000001, 'system', '', 'certificates', 'Acme', x'd1', x'd2', NULL);
INSERT INTO settings VALUES ('time-floor', x'0000000065530000');
