// What the structs generated from schema/ share.
import Foundation

/// A part of a body. What this build does not know of it is kept in `other` and goes out again as it came.
public protocol RecordPart: Codable, Sendable, Hashable, CustomStringConvertible {
  var other: [String: JSONValue] { get set }
}

extension RecordPart {
  /// The name of the type alone: what people entered does not belong in a log.
  public var description: String { "\(Self.self)" }
}

/// The body of a record of one kind.
public protocol RecordBody: RecordPart {
  static var kind: String { get }
}

/// A code of a list that may grow.
public protocol OpenCode: RawRepresentable, Codable, Sendable, Hashable, ExpressibleByStringLiteral
where RawValue == String {
  static var known: [Self] { get }
  init(rawValue: String)
}

extension OpenCode {
  public init(stringLiteral code: String) { self.init(rawValue: code) }
}

/// A member of a body by its name in the schema.
struct FieldName: CodingKey, ExpressibleByStringLiteral {
  let stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init(stringLiteral name: String) { stringValue = name }
  init?(intValue: Int) { nil }
}

extension KeyedDecodingContainer<FieldName> {
  func others(than names: Set<String>) throws -> [String: JSONValue] {
    var others: [String: JSONValue] = [:]
    for key in allKeys where !names.contains(key.stringValue) {
      others[key.stringValue] = try decode(JSONValue.self, forKey: key)
    }
    return others
  }
}

extension KeyedEncodingContainer<FieldName> {
  mutating func encode(others: [String: JSONValue]) throws {
    for (name, value) in others { try encode(value, forKey: FieldName(stringValue: name)) }
  }
}
