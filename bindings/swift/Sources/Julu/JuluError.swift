import CJulu
import Foundation

public enum MessageLanguage: Int32, Sendable {
  case zh = 0
  case en = 1
}

/// Every call that fails throws this one.
public struct JuluError: Error, Sendable, Hashable {
  public let code: ErrorCode
  /// A JSON pointer into what was given ("/text", "/photos/0") or an option's name; may be empty.
  public let field: String
  /// Ids, codes and numbers only, never what a worker entered.
  public let detail: String
  /// What a keystore, a photo's stream or a transport of the host's threw, when that is why. Not compared.
  public var underlying: (any Error)? { aside.error }
  private let aside: Aside

  public init(_ code: ErrorCode, field: String = "", detail: String = "", underlying: (any Error)? = nil) {
    self.code = code
    self.field = field
    self.detail = detail
    aside = Aside(error: underlying)
  }

  init(_ error: julu_error, underlying: (any Error)?) {
    // A newer library may know codes that this build does not.
    let code = ErrorCode(rawValue: error.code)
    let detail = string(array: error.detail)
    self.init(
      code ?? .internal, field: string(array: error.field), detail: code == nil ? "code \(error.code)" : detail,
      underlying: underlying)
  }

  /// True: the same call may succeed by just being made again later (the network is back, there is room, the phone is
  /// unlocked). False: something else comes first (another input, a sync, a sign-in, a newer app), as the sentence says.
  public var isRetryable: Bool { code.isRetryable }

  /// One sentence for a person: what happened and what to do.
  public func message(_ language: MessageLanguage = .zh) -> String { code.message(language, field: field) }
}

extension ErrorCode {
  /// The permanent name, such as "photo_format".
  public var name: String { String(cString: julu_error_name(rawValue)) }
  public var isRetryable: Bool { julu_error_is_retryable(rawValue) != 0 }

  public func message(_ language: MessageLanguage = .zh, field: String = "") -> String {
    var buf = julu_buf()
    defer { julu_buf_free(&buf) }
    _ = withTexts([field]) { julu_error_message(rawValue, $0[0], language.rawValue, &buf) }
    return String(decoding: UnsafeRawBufferPointer(start: buf.data, count: buf.length), as: UTF8.self)
  }
}

extension JuluError: LocalizedError, CustomStringConvertible {
  public var errorDescription: String? {
    message()
  }
  public var description: String {
    "\(code.name)" + (field.isEmpty ? "" : " \(field)") + (detail.isEmpty ? "" : " (\(detail))")
  }
}

/// An error that goes along and makes no two values differ.
struct Aside: Sendable, Hashable {
  let error: (any Error)?
  static func == (_: Aside, _: Aside) -> Bool { true }
  func hash(into hasher: inout Hasher) {}
}

/// What a function of the host's threw inside a call of the library, which fails next, on this thread, and takes it.
enum Thrown {
  private static let key = "julu.thrown"

  static func keep(_ error: any Error) { Thread.current.threadDictionary[key] = error }
  static func take() -> (any Error)? {
    defer { Thread.current.threadDictionary.removeObject(forKey: key) }
    return Thread.current.threadDictionary[key] as? any Error
  }
}
