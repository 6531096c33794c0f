import CJulu
import Foundation

/// A photo going in: JPEG only, at most 32 MB, read during the call and not needed afterwards. Bytes and streams of one
/// call at most 128 MB together: a photo more is photo_too_large.
public struct Photo: Sendable {
  public enum Source: Sendable {
    case file(URL)
    /// Of a regular file, read from its start; stays the caller's, its position moves.
    case descriptor(Int32)
    case data(Data)
    /// Fills the buffer and returns how many bytes, 0 at the end. Called on a thread of the library's own calls, which
    /// it may block; read to its end before anything is written. What it throws becomes `io`.
    case stream(@Sendable (UnsafeMutableRawBufferPointer) throws -> Int)
  }

  public var source: Source
  public var role: PhotoRole

  public init(_ source: Source, role: PhotoRole = .near) {
    self.source = source
    self.role = role
  }

  public static func near(_ file: URL) -> Photo { Photo(.file(file), role: .near) }
  public static func far(_ file: URL) -> Photo { Photo(.file(file), role: .far) }
}

/// Where a photo goes on its way out.
public enum PhotoTarget: Sendable {
  /// A new file, readable by its owner alone; removed again on failure.
  case file(URL)
  case descriptor(Int32)
  /// Takes the next bytes and says whether to go on.
  case stream(@Sendable (UnsafeRawBufferPointer) -> Bool)
}

/// What a capture or a change gave back: it is durable.
public struct Saved: Sendable, Hashable {
  public let id: String
  public let capturedAt: Date
  /// Names (SHA-256) of the copies that are sent, in order.
  public let photos: [String]
  public let photoBytes: Int64
}

/// What C calls while it reads a photo from Swift.
private final class Reader {
  let read: (UnsafeMutableRawBufferPointer) throws -> Int
  init(_ read: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) { self.read = read }

  init(_ data: Data) {
    var rest = data[...]
    read = { buffer in
      let part = rest.prefix(buffer.count)
      part.copyBytes(to: buffer)
      rest = rest.dropFirst(part.count)
      return part.count
    }
  }

  static let function: julu_read_fn = { context, buffer, capacity in
    let reader: Reader = borrowed(context)
    do {
      return Int64(try reader.read(UnsafeMutableRawBufferPointer(start: buffer, count: capacity)))
    } catch {
      Thrown.keep(error)
      return -1
    }
  }
}

private final class Writer {
  let write: (UnsafeRawBufferPointer) -> Bool
  init(_ write: @escaping (UnsafeRawBufferPointer) -> Bool) { self.write = write }

  static let function: julu_write_fn = { context, bytes, length in
    let writer: Writer = borrowed(context)
    return writer.write(UnsafeRawBufferPointer(start: bytes, count: length)) ? 0 : 1
  }
}

typealias WriteCall = (
  _ texts: [julu_text], _ photos: UnsafePointer<julu_photo>?, _ count: Int, UnsafeMutablePointer<julu_saved>,
  UnsafeMutablePointer<julu_error>
) -> Int32

/// What capture, patch, act, attach and remove have in common.
func write(_ texts: [String?], _ photos: [Photo], _ call: WriteCall) throws(JuluError) -> Saved {
  var lent = texts
  for (at, photo) in photos.enumerated() {
    lent.append(photo.role.rawValue)
    if case .file(let url) = photo.source { lent.append(try path(url, "/photos/\(at)")) } else { lent.append(nil) }
  }
  let readers = photos.map { reader(of: $0.source) }
  var saved = sized(julu_saved(), \.size)
  try check { error in
    withTexts(lent) { all in
      let given = photos.indices.map { at in
        c(photos[at].source, role: all[texts.count + 2 * at], path: all[texts.count + 2 * at + 1], readers[at])
      }
      return withExtendedLifetime(readers) {
        given.withUnsafeBufferPointer { call(Array(all.prefix(texts.count)), $0.baseAddress, $0.count, &saved, error) }
      }
    }
  }
  return Saved(saved)
}

/// The host's own streams may wait for what they like.
func withPhotos<T: Sendable>(
  _ photos: [Photo], _ body: @escaping @Sendable () throws(JuluError) -> T
) async throws(JuluError) -> T {
  let isStreamed = photos.contains { if case .stream = $0.source { true } else { false } }
  return if isStreamed { try await elsewhere(body) } else { try await here(body) }
}

private func reader(of source: Photo.Source) -> Reader? {
  switch source {
  case .data(let data): Reader(data)
  case .stream(let read): Reader(read)
  case .file, .descriptor: nil
  }
}

private func c(_ source: Photo.Source, role: julu_text, path: julu_text, _ reader: Reader?) -> julu_photo {
  var photo = sized(julu_photo(), \.size)
  photo.role = role
  photo.path = path
  if case .descriptor(let fd) = source {
    photo.source = Int32(JULU_PHOTO_FD)
    photo.fd = fd
  } else if let reader {
    photo.source = Int32(JULU_PHOTO_STREAM)
    photo.read = Reader.function
    photo.context = Unmanaged.passUnretained(reader).toOpaque()
  }
  return photo
}

func readPhoto(_ store: julu_store, _ sha256: String, to target: PhotoTarget) throws(JuluError) {
  var out = sized(julu_photo_out(), \.size)
  var file: String?
  var writer: Writer?
  switch target {
  case .file(let url):
    file = try path(url, "path")
  case .descriptor(let fd):
    out.target = Int32(JULU_PHOTO_FD)
    out.fd = fd
  case .stream(let write):
    let made = Writer(write)
    out.target = Int32(JULU_PHOTO_STREAM)
    out.write = Writer.function
    out.context = Unmanaged.passUnretained(made).toOpaque()
    writer = made
  }
  try withExtendedLifetime(writer) { () throws(JuluError) in
    try check { error in
      withTexts([sha256, file]) { all in
        out.path = all[1]
        return julu_store_read_photo(store, all[0], &out, error)
      }
    }
  }
}

extension Saved {
  init(_ saved: julu_saved) {
    id = string(array: saved.id)
    capturedAt = date(saved.captured_at_ms)
    photoBytes = saved.photo_bytes
    photos = withUnsafeBytes(of: saved.photos) { all in
      let stride = all.count / Int(JULU_PHOTOS_MAX)
      return (0..<Int(saved.photo_count)).map { at in
        String(decoding: all[(at * stride)..<((at + 1) * stride)].prefix { $0 != 0 }, as: UTF8.self)
      }
    }
  }
}
