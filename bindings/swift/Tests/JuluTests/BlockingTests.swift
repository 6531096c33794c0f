import Foundation
import Synchronization
import Testing

@testable import Julu

@Suite("Calls on the caller's own thread", .nothingStaysOpen)
struct BlockingTests {
  /// What `body` gives, on a thread that is none of Swift's nor of Dispatch's.
  private func onPlainThread<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: body()) }
    }
  }

  private func code(_ call: () throws -> Void) -> ErrorCode? {
    do {
      try call()
      return nil
    } catch {
      return (error as? JuluError)?.code
    }
  }

  @Test("a report is saved, changed, found and read without an await")
  func everyCall() async throws {
    let store = try await Phone().open()
    try await onPlainThread { Result { try use(store.blocking) } }.get()
    #expect(try await store.status().records == 1)
  }

  @MainActor @Test("a call that the main actor awaits leaves its thread, and one of a task stays where it is")
  func threads() async throws {
    @Sendable func thread() -> ObjectIdentifier { ObjectIdentifier(Thread.current) }
    @concurrent func staysOnItsThread() async throws -> Bool {
      let before = thread()
      return try await here(thread) == before
    }
    let main = thread()
    let inside = try await here(thread)
    #expect(inside != main, "the main thread waits for the disk")
    let stays = try await staysOnItsThread()
    #expect(stays, "a call hops to another thread")
  }

  private func use(_ store: JuluStore.Blocking) throws {
    let thread = pthread_self()
    let bytes = try Data(contentsOf: Place.photo("road-02"))
    let isRead = Mutex(false)
    let photo = Photo(.stream { buffer in
      #expect(pthread_equal(pthread_self(), thread) != 0, "a call hops to another thread")
      if isRead.withLock({ read in defer { read = true }; return read }) { return 0 }
      bytes.copyBytes(to: buffer)
      return bytes.count
    })
    let saved = try store.capture(Incident(category: "road", text: "井盖丢了"), photos: [photo])
    let house = try store.capture(kind: "household", ["address": "堤村 1 号"])
    _ = try store.patch(house.id, ["phone": "13800000000"])
    _ = try store.attach([.far(Place.photo("wall-04"))], to: house.id)
    _ = try store.remove(house.id)
    #expect(try store.list(Filter(search: "井盖")).map(\.id) == [saved.id])
    #expect(try store.findID(endingWith: try store.shortID(of: saved.id)) == saved.id)
    #expect(try store.get(house.id)?.isDeleted == true)
    #expect(try store.get(house.id)?.body["phone"] == "13800000000")
    #expect(try store.history(of: saved.id).first?.what == "create")
    #expect(try store.thumbnail(saved.photos[0]).starts(with: [0xFF, 0xD8]))
    let folder = Folder()
    try store.readPhoto(saved.photos[0], to: .file(folder.file("a.jpg")))
    #expect(try Data(contentsOf: folder.file("a.jpg")).starts(with: [0xFF, 0xD8]))
    #expect(try store.conflicts().isEmpty && store.status().records == 1)
    #expect(try store.kinds().contains("incident") && store.schema(of: "incident")["x-kind"] == "incident")
    #expect(try store.identity().role == "worker")
  }

  @Test("errors are typed, also after the store was closed")
  func errors() async throws {
    let store = try await Phone().open()
    await onPlainThread {
      let here = store.blocking
      func fails() -> [ErrorCode?] {
        [
          code { _ = try here.act("none", "rate") }, code { try here.resend("none") },
          code { try here.giveUp("none") },
          code { try here.resolve("none", field: "/text", value: nil) }, code { _ = try here.schema(of: "none") },
          code { _ = try here.codes(of: "none") },
        ]
      }
      do throws(JuluError) {
        _ = try here.capture(Incident(category: "road", text: ""))
        Issue.record("an empty text was taken")
      } catch {
        #expect(error.field == "/text")
      }
      #expect(fails() == [.badArgument, .badArgument, .badArgument, .badArgument, .kindUnknown, .codesUnknown])
      store.close()
      #expect(fails() == Array(repeating: .closed, count: 6))
    }
  }
}
