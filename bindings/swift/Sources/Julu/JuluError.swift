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

  public init(_ code: ErrorCode, field: String = "", detail: String = "") {
    self.code = code
    self.field = field
    self.detail = detail
  }

  init(_ error: julu_error) {
    // A newer library may know codes that this build does not.
    let code = ErrorCode(rawValue: error.code)
    let detail = string(array: error.detail)
    self.init(code ?? .internal, field: string(array: error.field), detail: code == nil ? "code \(error.code)" : detail)
  }

  /// True: the same call can succeed later as it is, by itself or once what the sentence asks for is done; false: the
  /// call itself has to change.
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
