-- What the platform holds. Plain SQL; nothing here is special to SQLite but the types.

CREATE TABLE IF NOT EXISTS worker (
  worker     TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  role       TEXT NOT NULL,           -- worker, leader, township, county, clerk
  grids      TEXT NOT NULL,           -- JSON array; a shorter code covers all that begin with it
  grid_names TEXT NOT NULL            -- JSON array
);

CREATE TABLE IF NOT EXISTS code (
  code       TEXT PRIMARY KEY,        -- SHA-256 of the activation code
  worker     TEXT NOT NULL,
  expires_ms INTEGER NOT NULL,
  device     TEXT                     -- the device that used it
);

CREATE TABLE IF NOT EXISTS device (
  device          TEXT PRIMARY KEY,
  worker          TEXT NOT NULL,
  public_key      BLOB NOT NULL,
  revoked         INTEGER NOT NULL DEFAULT 0,
  signed_in       INTEGER NOT NULL DEFAULT 0,  -- a token has been used: the activation code is spent
  holds           INTEGER NOT NULL DEFAULT 0,  -- ops of this device that are applied
  verified_seq    INTEGER NOT NULL DEFAULT 0,
  verified_link   BLOB
);

-- A device that came of another by its key's word, and the one with a code that all of its line came of.
CREATE TABLE IF NOT EXISTS fork (device TEXT PRIMARY KEY, first TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS token (
  token      TEXT PRIMARY KEY,        -- SHA-256 of the bearer token
  device     TEXT NOT NULL,
  expires_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS assertion (jti TEXT PRIMARY KEY, expires_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS attempt (at_ms INTEGER NOT NULL);

-- Kept for ever: what was applied, by worker and op id.
CREATE TABLE IF NOT EXISTS op (
  worker         TEXT NOT NULL,
  op_id          TEXT NOT NULL,
  hash           TEXT NOT NULL,
  record         TEXT NOT NULL,
  kind           TEXT NOT NULL,
  verb           TEXT NOT NULL,
  version        INTEGER NOT NULL,
  device         TEXT NOT NULL,
  captured_at_ms INTEGER NOT NULL,
  PRIMARY KEY (worker, op_id)
);
-- Ids that a successor closed before they were applied.
CREATE TABLE IF NOT EXISTS closed (worker TEXT NOT NULL, op_id TEXT NOT NULL, PRIMARY KEY (worker, op_id));
-- The places of a device's chain. The same place with another id: the device was copied or restored.
CREATE TABLE IF NOT EXISTS place (
  device  TEXT NOT NULL,
  seq     INTEGER NOT NULL,
  op_id   TEXT NOT NULL,
  hash    TEXT NOT NULL,
  applied INTEGER NOT NULL,
  PRIMARY KEY (device, seq)
);

CREATE TABLE IF NOT EXISTS record (
  id            TEXT PRIMARY KEY,
  kind          TEXT NOT NULL,
  grid          TEXT NOT NULL,
  creator       TEXT NOT NULL,
  version       INTEGER NOT NULL,
  deleted       INTEGER NOT NULL DEFAULT 0,
  moved         INTEGER NOT NULL DEFAULT 0,  -- it was in another grid once
  state         TEXT NOT NULL,
  body          TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS action (
  id     TEXT PRIMARY KEY,
  record TEXT NOT NULL,
  number INTEGER NOT NULL,
  detail TEXT NOT NULL                -- JSON as it goes out in a pull
);
CREATE INDEX IF NOT EXISTS action_record ON action (record, number);
CREATE TABLE IF NOT EXISTS attachment (
  record       TEXT NOT NULL,
  photo        TEXT NOT NULL,
  role         TEXT NOT NULL,
  action       TEXT NOT NULL,
  length_bytes INTEGER NOT NULL,
  place        INTEGER NOT NULL,
  PRIMARY KEY (record, photo, role, action)
);
CREATE INDEX IF NOT EXISTS attachment_photo ON attachment (photo);

-- Schemas, flows, settings, receipt keys: rows of the same stream.
CREATE TABLE IF NOT EXISTS catalog (
  kind    TEXT NOT NULL,
  id      TEXT NOT NULL,
  version INTEGER NOT NULL,
  body    TEXT NOT NULL,
  PRIMARY KEY (kind, id)
);
-- The stream of a pull: each row once, at the place of its last change. The counter is taken inside the one write
-- transaction, so no row commits behind a cursor.
CREATE TABLE IF NOT EXISTS stream (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  kind     TEXT NOT NULL,             -- '' for a record
  id       TEXT NOT NULL,
  UNIQUE (kind, id)
);

CREATE TABLE IF NOT EXISTS upload (
  id            TEXT PRIMARY KEY,
  worker        TEXT NOT NULL,
  length_bytes  INTEGER NOT NULL,
  offset_bytes  INTEGER NOT NULL DEFAULT 0,
  sha256        TEXT NOT NULL,        -- as announced; of the bytes once complete
  thumb_of      TEXT NOT NULL,
  complete      INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS upload_waiting ON upload (worker, created_at_ms) WHERE complete = 0;
CREATE INDEX IF NOT EXISTS upload_sha256 ON upload (sha256, worker) WHERE complete = 1;
CREATE INDEX IF NOT EXISTS upload_worker ON upload (worker, created_at_ms);
CREATE TABLE IF NOT EXISTS chunk (
  upload       TEXT NOT NULL,
  offset_bytes INTEGER NOT NULL,
  bytes        BLOB NOT NULL,
  PRIMARY KEY (upload, offset_bytes)
);
