import CJulu
import Foundation
import Testing

@testable import Julu

@Suite("Records and tables", .nothingStaysOpen)
struct RecordTests {
  @Test("every error code of the library is one here, with its name and its sentences, and no other")
  func errorCodes() {
    for number in Int32(1)..<1000 {
      let code = ErrorCode(rawValue: number)
      let isKnown = String(cString: julu_error_name(number)) != "unknown"
      #expect((code != nil) == isKnown, "\(number)")
    }
    for code in ErrorCode.allCases {
      let words = code.name.split(separator: "_")
      let camel = words.dropFirst().reduce(String(words[0])) { $0 + $1.capitalized }
      #expect(String(describing: code) == camel)
      #expect(!code.message(.zh).isEmpty && !code.message(.en).isEmpty && code.message(.zh) != code.message(.en))
    }
    #expect(JuluError(.photoFormat, field: "/photos/0").message(.en).contains("/photos/0"))
    #expect(ErrorCode.offline.isRetryable && !ErrorCode.storeKey.isRetryable)
  }

  @Test("a struct has the fields of its schema, no more and no less",
    arguments: ["incident", "household", "person", "visit"])
  func fields(kind: String) throws {
    let schema = try Place.schema("records/\(kind).schema.json")
    let full = sample(of: schema)
    let again = try roundTrip(full, kind)
    #expect(again.value == full)
    #expect(again.other.isEmpty)
  }

  @Test("fields and codes that this build does not know survive a round trip, nested ones too")
  func unknown() throws {
    let body: JSONValue = [
      "category": "drainage", "text": "一", "urgency": "soon", "future": ["a": [1, nil, "x", true]],
      "location": ["lat_e7": 370_000_000, "datum": "CGCS2000", "floor": -2],
    ]
    var incident = try JSONDecoder().decode(Incident.self, from: JSONEncoder().encode(body))
    #expect(incident.other == ["future": ["a": [1, nil, "x", true]]])
    #expect(incident.location?.other == ["floor": -2])
    #expect(incident.urgency?.rawValue == "soon")
    #expect(try value(of: incident) == body)
    incident.other["text"] = "not this one"
    #expect(try value(of: incident)["text"] == "一")
  }

  @Test("a number that is no integer of 64 bits spoils no page, and is kept")
  func numbers() throws {
    let body = #"{"address":"堤村","resident_count":37.5,"measured":[18446744073709551615,-0.25]}"#
    let words = #""title":"","state":"","state_title_zh":"","state_title_en":"","problem_text":"""#
    let rest = #""deleted":false,"in_conflict":false,"version":3,"captured_at_ms":1,"delivered_at_ms":0,"photos":[]"#
    let json = #"[{"id":"a","kind":"household","delivery":"saved",\#(words),\#(rest),"body":\#(body)}]"#
    let record = try #require(try JSONDecoder().decode([Record].self, from: Data(json.utf8)).first)
    #expect(record.body["measured"] == .array([.number(18446744073709551616), .number(-0.25)]))
    #expect(throws: JuluError.self) { _ = try record.body(as: Household.self) }
    let text = json.replacing("37.5", with: #""many""#)
    let wordy = try #require(try JSONDecoder().decode([Record].self, from: Data(text.utf8)).first)
    let spoilt = #expect(throws: JuluError.self) { _ = try wordy.body(as: Household.self) }
    #expect(spoilt?.code == .fieldInvalid && spoilt?.field == "/resident_count")
    let other = json.replacing(body, with: #"{"category":"drainage"}"#).replacing("household", with: "incident")
    let bare = try #require(try JSONDecoder().decode([Record].self, from: Data(other.utf8)).first)
    let lacking = #expect(throws: JuluError.self) { _ = try bare.body(as: Incident.self) }
    #expect(lacking?.field == "/text")
    #expect(try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(record.body)) == record.body)
  }

  @Test("the codes that a schema lists are constants here")
  func codes() throws {
    let incident = try Place.schema("records/incident.schema.json")["properties"]
    #expect(Incident.Urgency.known.map { .string($0.rawValue) } == items(incident?["urgency"]?["enum"]))
    let datum = incident?["location"]?["properties"]?["datum"]?["enum"]
    #expect(Incident.Location.Datum.known.map { .string($0.rawValue) } == items(datum))
    let roles = items(try Place.schema("codes/photo-role.json")["items"]).compactMap { $0["code"]?.string }
    #expect(PhotoRole.known.map(\.rawValue) == roles)
  }

  @Test("printing a record says nothing of what a worker entered")
  func description() {
    let person = Person(name: "李四", phone: "13800000000")
    #expect("\(person)" == "Person")
  }

  @Test("the privacy manifest is a property list, and tracks nobody")
  func privacy() throws {
    let file = Place.source.appendingPathComponent("bindings/swift/Sources/Julu/PrivacyInfo.xcprivacy")
    let list = try PropertyListSerialization.propertyList(from: Data(contentsOf: file), format: nil) as? [String: Any]
    #expect(list?["NSPrivacyTracking"] as? Bool == false)
    #expect((list?["NSPrivacyAccessedAPITypes"] as? [Any])?.isEmpty == false)
  }

  private func items(_ value: JSONValue?) -> [JSONValue] {
    if case .array(let items) = value { items } else { [] }
  }

  /// A body with every field of a schema.
  private func sample(of schema: JSONValue) -> JSONValue {
    switch schema["type"]?.string {
    case "integer": return 7
    case "boolean": return true
    case "array": return ["一", "二"]
    case "object":
      guard case .object(let fields) = schema["properties"] else { return [:] }
      return .object(fields.mapValues { sample(of: $0) })
    default: return "文"
    }
  }

  private func roundTrip(_ body: JSONValue, _ kind: String) throws -> (value: JSONValue, other: [String: JSONValue]) {
    let data = try JSONEncoder().encode(body)
    switch kind {
    case Incident.kind: return try again(Incident.self, data)
    case Household.kind: return try again(Household.self, data)
    case Person.kind: return try again(Person.self, data)
    default: return try again(Visit.self, data)
    }
  }

  private func again<B: RecordBody>(_ type: B.Type, _ data: Data) throws -> (JSONValue, [String: JSONValue]) {
    let body = try JSONDecoder().decode(B.self, from: data)
    return (try value(of: body), body.other)
  }

  private func value(of body: some Encodable) throws -> JSONValue {
    try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(body))
  }
}
