// What the store tells of its records.
import CJulu
import Foundation

/// How far a record is on its way to the county. `delivered` stands only on the platform's signed receipt.
/// Of what is `parked` the platform refused a part: `resend`, where need be after an edit, or `giveUp` is the way on.
public enum Delivery: String, Sendable, Codable { case none, saved, delivered, parked, confirming }

public struct Record: Sendable, Hashable, Identifiable {
  public let id: String
  public let kind: String
  /// Unmasked: mask fields with x-sensitive before showing.
  public let body: JSONValue
  public let title: String
  public let state: String
  public let stateTitleZH: String
  public let stateTitleEN: String
  public let delivery: Delivery
  /// Why the platform refused it, and the sentence that it sent with that.
  public let problem: Problem?
  public let problemText: String
  public let isDeleted: Bool
  public let isInConflict: Bool
  public let version: Int
  public let capturedAt: Date
  public let deliveredAt: Date?
  public let photos: [RecordPhoto]

  /// The body as the struct of its kind. Errors: shape_mismatch when it is of another kind; field_invalid, with the
  /// field where Foundation tells it, when a newer schema allows what this struct does not: `body` itself has it all.
  public func body<B: RecordBody>(as type: B.Type = B.self) throws(JuluError) -> B {
    if kind != B.kind { throw JuluError(.shapeMismatch, field: "/kind", detail: kind) }
    do {
      return try JSONDecoder().decode(B.self, from: try JSONEncoder().encode(body))
    } catch {
      throw JuluError(.fieldInvalid, field: pointer(to: error), detail: kind)
    }
  }
}

/// Where in the body (RFC 6901); its members' names have no character that a pointer escapes.
private func pointer(to error: any Error) -> String {
  let path: [any CodingKey]
  switch error as? DecodingError {
  case .keyNotFound(let key, let context): path = context.codingPath + [key]
  case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
    path = context.codingPath
  default: path = []
  }
  return path.map { "/" + ($0.intValue.map(String.init) ?? $0.stringValue) }.joined()
}

/// Why the platform refused a part of a record.
public struct Problem: Sendable, Hashable, Decodable {
  public let code: ErrorCode
  /// A JSON pointer into the body, as in every other error; empty when no one field is at fault.
  public let field: String
  /// The protocol's stable name of the refusal, such as "scope".
  public let detail: String

  private enum Key: CodingKey { case code, field, detail }
  public init(from decoder: any Decoder) throws {
    let all = try decoder.container(keyedBy: Key.self)
    code = ErrorCode(rawValue: try all.decode(Int32.self, forKey: .code)) ?? .internal
    field = try all.decode(String.self, forKey: .field)
    detail = try all.decode(String.self, forKey: .detail)
  }
}

public struct RecordPhoto: Sendable, Hashable, Decodable {
  public let sha256: String
  public let role: PhotoRole
  public let action: String
  public let lengthBytes: Int
  public let isHere: Bool
  public let isDelivered: Bool

  private enum CodingKeys: String, CodingKey {
    case sha256, role, action
    case lengthBytes = "length_bytes"
    case isHere = "here"
    case isDelivered = "delivered"
  }
}

extension Record: Decodable {
  public init(from decoder: any Decoder) throws {
    let all = try decoder.container(keyedBy: FieldName.self)
    id = try all.decode(String.self, forKey: "id")
    kind = try all.decode(String.self, forKey: "kind")
    body = try all.decodeIfPresent(JSONValue.self, forKey: "body") ?? .null
    title = try all.decode(String.self, forKey: "title")
    state = try all.decode(String.self, forKey: "state")
    stateTitleZH = try all.decode(String.self, forKey: "state_title_zh")
    stateTitleEN = try all.decode(String.self, forKey: "state_title_en")
    delivery = Delivery(rawValue: try all.decode(String.self, forKey: "delivery")) ?? .none  // a word of a newer library
    problem = try all.decodeIfPresent(Problem.self, forKey: "problem")
    problemText = try all.decode(String.self, forKey: "problem_text")
    isDeleted = try all.decode(Bool.self, forKey: "deleted")
    isInConflict = try all.decode(Bool.self, forKey: "in_conflict")
    version = try all.decode(Int.self, forKey: "version")
    capturedAt = date(try all.decode(Int64.self, forKey: "captured_at_ms"))
    let delivered = try all.decode(Int64.self, forKey: "delivered_at_ms")
    deliveredAt = delivered > 0 ? date(delivered) : nil
    photos = try all.decode([RecordPhoto].self, forKey: "photos")
  }
}

/// Which records to list; what is nil does not narrow.
public struct Filter: Sendable, Encodable {
  public var kind: String?
  public var search: String?
  public var delivery: Delivery?
  /// A record's id, for the page after it.
  public var before: String?
  /// 1 to 500; nil: 50.
  public var limit: Int?
  public var deletedToo: Bool?

  public init(
    kind: String? = nil, search: String? = nil, delivery: Delivery? = nil, before: String? = nil, limit: Int? = nil,
    deletedToo: Bool? = nil
  ) {
    self.kind = kind
    self.search = search
    self.delivery = delivery
    self.before = before
    self.limit = limit
    self.deletedToo = deletedToo
  }

  private enum CodingKeys: String, CodingKey {
    case kind, search, delivery, before, limit
    case deletedToo = "deleted_too"
  }
}

/// One thing that became of a record.
public struct HistoryEntry: Sendable, Hashable, Decodable {
  public let at: Date
  public let what: String
  public let actor: String
  public let action: String
  public let state: String
  public let detail: JSONValue
  public let opID: String
  public let hash: String
  public let receiptKey: String
  public let standing: String

  public init(from decoder: any Decoder) throws {
    let all = try decoder.container(keyedBy: FieldName.self)
    at = date(try all.decode(Int64.self, forKey: "at_ms"))
    what = try all.decode(String.self, forKey: "what")
    actor = try all.decode(String.self, forKey: "actor")
    action = try all.decode(String.self, forKey: "action")
    state = try all.decode(String.self, forKey: "state")
    detail = try all.decodeIfPresent(JSONValue.self, forKey: "detail") ?? .null
    opID = try all.decode(String.self, forKey: "op_id")
    hash = try all.decode(String.self, forKey: "hash")
    receiptKey = try all.decode(String.self, forKey: "receipt_key")
    standing = try all.decode(String.self, forKey: "standing")
  }
}

/// A field that two people wrote; a value that was absent is null.
public struct Conflict: Sendable, Hashable, Decodable {
  public let record: String
  public let field: String
  public let base: JSONValue
  public let local: JSONValue
  public let remote: JSONValue
  public let at: Date

  public init(from decoder: any Decoder) throws {
    let all = try decoder.container(keyedBy: FieldName.self)
    record = try all.decode(String.self, forKey: "record")
    field = try all.decode(String.self, forKey: "field")
    base = try all.decodeIfPresent(JSONValue.self, forKey: "base") ?? .null
    local = try all.decodeIfPresent(JSONValue.self, forKey: "local") ?? .null
    remote = try all.decodeIfPresent(JSONValue.self, forKey: "remote") ?? .null
    at = date(try all.decode(Int64.self, forKey: "at_ms"))
  }
}

public struct Status: Sendable, Hashable {
  /// Deleted ones are not counted.
  public let records: Int64
  public let unsentRecords: Int64
  /// These go by themselves.
  public let unsentOps: Int64
  /// These wait for a person.
  public let parkedOps: Int64
  public let unsentPhotos: Int64
  public let unsentPhotoBytes: Int64
  public let conflicts: Int64
  /// In the past: due now. Nil: nothing waits.
  public let nextAttempt: Date?
  public let lastSync: Date?
  /// The platform was restored: it is asked what it still holds.
  public let isConfirming: Bool
  /// Free some space.
  public let isLowOnDisk: Bool
  /// The file was found damaged and mended.
  public let salvage: Salvage?

  public struct Salvage: Sendable, Hashable {
    public let at: Date
    public let ops: Int64
    public let unreadableOps: Int64
    public let lostPhotos: Int64
  }

  init(_ status: julu_status) {
    records = status.records
    unsentRecords = status.unsent_records
    unsentOps = status.unsent_ops
    parkedOps = status.parked_ops
    unsentPhotos = status.unsent_photos
    unsentPhotoBytes = status.unsent_photo_bytes
    conflicts = status.conflicts
    nextAttempt = status.next_attempt_ms < 0 ? nil : date(status.next_attempt_ms)
    lastSync = status.last_sync_ms == 0 ? nil : date(status.last_sync_ms)
    isConfirming = status.flags & UInt32(JULU_STATUS_CONFIRMING) != 0
    isLowOnDisk = status.flags & UInt32(JULU_STATUS_LOW_DISK) != 0
    salvage =
      status.salvaged_at_ms == 0
      ? nil
      : Salvage(
        at: date(status.salvaged_at_ms), ops: status.salvaged_ops, unreadableOps: status.unreadable_ops,
        lostPhotos: status.lost_photos)
  }
}
