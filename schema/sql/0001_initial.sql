-- The store, version 1. One encrypted file holds everything, so that a report and its photos commit together.
-- Ids are UUIDv7 as 16 bytes: they sort by time, so that new rows land on the last page.

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value ANY
) STRICT, WITHOUT ROWID;

-- A record as the worker sees it: `body` is the platform's last version (`base`) with the pending ops laid on top.
CREATE TABLE record (
  id             BLOB PRIMARY KEY,
  kind           TEXT NOT NULL,
  body           TEXT NOT NULL,
  base           TEXT,                         -- NULL: the platform's version has not been seen
  base_version   INTEGER NOT NULL DEFAULT 0,
  base_epoch     INTEGER NOT NULL DEFAULT 0,   -- epoch of the page or receipt that brought the base
  state          TEXT,                         -- of a case, with our pending steps
  base_state     TEXT,                         -- of a case, as the platform last said
  deleted        INTEGER NOT NULL DEFAULT 0,
  base_deleted   INTEGER NOT NULL DEFAULT 0,
  seen           INTEGER NOT NULL DEFAULT 0,   -- generation of the last full pull that named it; -1: it has left the
                                               -- scope, and goes when no work on it is left; -2: delivered while a full
                                               -- pull was under way, and stays for one more
  captured_at_ms INTEGER NOT NULL,
  changed        INTEGER NOT NULL              -- position in the feed of changes_since
) STRICT, WITHOUT ROWID;
CREATE INDEX record_changed ON record (changed);
CREATE INDEX record_deleted ON record (id) WHERE deleted = 1;
CREATE INDEX record_leaving ON record (id) WHERE seen < 0;

-- Records that have left the worker's scope, for who follows the feed; its numbers are never given again.
CREATE TABLE gone (
  id      BLOB PRIMARY KEY,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX gone_changed ON gone (changed);

-- What is to be sent and what was, in the order of making. Rows are never deleted while they can be asked for again.
CREATE TABLE op (
  seq             INTEGER PRIMARY KEY,         -- in the order of making, on this phone
  place           INTEGER NOT NULL,            -- in the order of the worker's edits: an op made again keeps it
  chain           INTEGER NOT NULL,            -- which device id of this store it belongs to: 0 the first
  number          INTEGER NOT NULL,            -- its gapless number on that device's chain: "seq" on the wire
  op_id           BLOB NOT NULL,
  record          BLOB NOT NULL,
  verb            INTEGER NOT NULL,            -- julu::Verb
  urgency         INTEGER NOT NULL,            -- 0 emergency, 1 urgent, 2 normal
  status          INTEGER NOT NULL DEFAULT 0,  -- 0 queued, 1 receipted, 2 parked, 3 made again, 4 given up
  attempts        INTEGER NOT NULL DEFAULT 0,
  next_attempt_ms INTEGER NOT NULL DEFAULT 0,
  wait_max_ms     INTEGER NOT NULL DEFAULT 0,  -- farther off than this: the clock was set back, due now
  after           INTEGER,                     -- seq of the op that it stands after
  base_version    INTEGER,
  successor       INTEGER,                     -- seq of the op that replaces this one
  photo           BLOB,                        -- attach: sha256 of the photo
  version         INTEGER,                     -- the platform's version after it
  folded          INTEGER NOT NULL DEFAULT 0,  -- the base contains it
  receipt         INTEGER,
  hash            BLOB NOT NULL,
  link            BLOB NOT NULL,
  problem         TEXT,                        -- JSON {code,type,title,detail,pointer}
  base_values     TEXT,                        -- values of the touched fields when the op was made
  canonical       TEXT NOT NULL,               -- RFC 8785 without seq; made once
  sum             INTEGER                      -- of the newest: one number for all rows of the file (sum.cpp)
) STRICT;
CREATE INDEX op_record ON op (record, place);
CREATE INDEX op_queue ON op (urgency, place) WHERE status = 0;
CREATE INDEX op_parked ON op (record) WHERE status = 2;
CREATE INDEX op_photo ON op (photo) WHERE photo IS NOT NULL;
CREATE INDEX op_successor ON op (successor) WHERE successor IS NOT NULL;
CREATE INDEX op_closed ON op (chain) WHERE status IN (3, 4);
CREATE INDEX op_chain ON op (chain, number) WHERE chain > 0;  -- on the first chain number and seq are one

CREATE TABLE receipt (
  id             INTEGER PRIMARY KEY,
  device         TEXT NOT NULL,                -- that it was signed for
  key_id         TEXT NOT NULL,
  epoch          INTEGER NOT NULL,
  server_time_ms INTEGER NOT NULL,
  signature      BLOB NOT NULL,
  seen_ms        INTEGER NOT NULL,             -- the later of server_time_ms and meta.server_seen_ms with what has passed since
                                               -- by this phone's clock: what purging goes by
  items          BLOB NOT NULL                 -- what it covers, in its order: of each 16 bytes of op_id, 32 of hash and
                                               -- 8 of version, big-endian
) STRICT;

-- A photo once, whoever names it. The bytes are `chunk` rows: id = photo << 26 | offset of the first byte.
CREATE TABLE photo (
  id              INTEGER PRIMARY KEY,
  sha256          BLOB NOT NULL UNIQUE,
  length_bytes    INTEGER NOT NULL,
  original_sha256 BLOB,
  width           INTEGER,
  height          INTEGER,
  here            INTEGER NOT NULL,            -- the bytes are in this store; own ones are purged some day
  own             INTEGER NOT NULL,            -- taken on this phone: to be uploaded
  uploaded        INTEGER NOT NULL DEFAULT 0,
  thumbnail_sent  INTEGER NOT NULL DEFAULT 0,
  upload_url      TEXT,
  urgency         INTEGER NOT NULL DEFAULT 2,
  attempts        INTEGER NOT NULL DEFAULT 0,
  next_attempt_ms INTEGER NOT NULL DEFAULT 0,
  wait_max_ms     INTEGER NOT NULL DEFAULT 0,
  problem         TEXT,                        -- parked: JSON as in op
  has_thumbnail   INTEGER NOT NULL DEFAULT 0   -- it was derived, or none can be
) STRICT;
-- One index for all that a new photo waits for: each more would be a page more of every capture.
CREATE INDEX photo_out ON photo (urgency, id, thumbnail_sent, has_thumbnail) WHERE own = 1 AND uploaded = 0;
CREATE INDEX photo_bare ON photo (id) WHERE own <= uploaded AND here = 1 AND has_thumbnail = 0;  -- not in photo_out
CREATE INDEX photo_wanted ON photo (urgency, id) WHERE here = 0 AND own = 0;
CREATE INDEX photo_sent ON photo (id) WHERE own = 1 AND here = 1 AND uploaded = 1;

CREATE TABLE chunk (
  id    INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;

-- Apart from `photo`, whose rows the queue reads again and again.
CREATE TABLE thumbnail (
  photo INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE attachment (
  record BLOB NOT NULL,
  sha256 BLOB NOT NULL,
  role   TEXT NOT NULL,
  action BLOB,                                 -- the case's action that it belongs to
  place  INTEGER NOT NULL,
  op     INTEGER,                              -- seq of the attach op, when ours; 0: lost, -1: given up
  PRIMARY KEY (record, sha256, role)
) STRICT, WITHOUT ROWID;

-- A case's steps: added once by id, ordered by the platform's number; ours have none until a pull brings it.
CREATE TABLE action (
  id     BLOB PRIMARY KEY,
  record BLOB NOT NULL,
  number INTEGER,
  action TEXT NOT NULL,
  state  TEXT NOT NULL,
  actor  TEXT NOT NULL,                        -- JSON {id,name,role}
  at_ms  INTEGER NOT NULL,
  body   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX action_record ON action (record, number);

-- Values that gave way, and versions that came: with op and action, the whole past of a record.
CREATE TABLE history (
  id     INTEGER PRIMARY KEY,
  record BLOB NOT NULL,
  at_ms  INTEGER NOT NULL,
  what   TEXT NOT NULL,                        -- pulled, given_up, resolved, removed
  detail TEXT NOT NULL                         -- JSON
) STRICT;
CREATE INDEX history_record ON history (record, id);

-- Both values of a true conflict, until a person chooses; the platform's is current.
CREATE TABLE conflict (
  record BLOB NOT NULL,
  field  TEXT NOT NULL,                        -- JSON pointer
  base   TEXT,
  local  TEXT,
  remote TEXT,
  at_ms  INTEGER NOT NULL,
  PRIMARY KEY (record, field)
) STRICT, WITHOUT ROWID;

-- Schemas, code lists, calendars, settings, flows and receipt keys, as pulled.
CREATE TABLE catalog (
  kind    TEXT NOT NULL,
  id      TEXT NOT NULL,
  version INTEGER NOT NULL,
  epoch   INTEGER NOT NULL,
  body    TEXT NOT NULL,
  problem TEXT,                                -- why it was not taken, when it was not
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- Full text: one row a record, Chinese characters set apart by spaces. Runs behind `record.changed`; what is not
-- indexed yet is scanned, so a search finds a record at once.
CREATE TABLE searched (
  id     INTEGER PRIMARY KEY,
  record BLOB NOT NULL UNIQUE
) STRICT;
CREATE VIRTUAL TABLE search USING fts5 (text, tokenize='unicode61');

-- Who this device is and what it knows of the platform, once more, far from `meta`: without it the rest has no owner.
CREATE TABLE spare (
  name  TEXT PRIMARY KEY,
  value ANY
) STRICT, WITHOUT ROWID;
CREATE TRIGGER spare_insert AFTER INSERT ON meta WHEN NEW.name IN (
  'identity', 'device_key', 'consent_at_ms', 'chain', 'first_device', 'first_device_key', 'new_device_key', 'epoch',
  'safe_before_ms', 'clock_offset_ms', 'confirming', 'reconcile_at_ms', 'reconcile_wait_ms', 'server_seen_ms',
  'server_ahead_ms', 'server_seen_at_ms', 'confirmed_ms') BEGIN
  INSERT INTO spare VALUES (NEW.name, NEW.value) ON CONFLICT DO UPDATE SET value = excluded.value;
END;
CREATE TRIGGER spare_update AFTER UPDATE OF value ON meta WHEN NEW.name IN (
  'identity', 'device_key', 'consent_at_ms', 'chain', 'first_device', 'first_device_key', 'new_device_key', 'epoch',
  'safe_before_ms', 'clock_offset_ms', 'confirming', 'reconcile_at_ms', 'reconcile_wait_ms', 'server_seen_ms',
  'server_ahead_ms', 'server_seen_at_ms', 'confirmed_ms') BEGIN
  INSERT INTO spare VALUES (NEW.name, NEW.value) ON CONFLICT DO UPDATE SET value = excluded.value;
END;
CREATE TRIGGER spare_delete AFTER DELETE ON meta BEGIN
  DELETE FROM spare WHERE name = OLD.name;
END;
