import Foundation
import Synchronization
import Testing

@testable import Julu

/// The ways a report can go: the library's own, and one that a host has written in Swift.
enum Way: String, CaseIterable, Sendable {
  case libcurl, urlSession
  var transport: (any HostTransport)? { self == .libcurl ? nil : URLSessionTransport() }
}

@Suite("To the county", .nothingStaysOpen)
struct SyncTests {
  @Test("a report and its photos arrive, once, by either way", arguments: Way.allCases)
  func delivery(way: Way) async throws {
    let phone = try await Phone(transport: way.transport)
    let store = try await phone.open()
    let saved = try await store.capture(
      Incident(category: "drainage", text: "村东头排水沟堵了 😀"),
      photos: [.near(Place.photo("ditch-01")), .far(Place.photo("ditch-08"))])
    let last = Mutex<SyncProgress?>(nil)
    let sync = try await store.sync(transport: way.transport)
    let outcome = try await sync.run(for: .seconds(60)) { now in last.withLock { $0 = now } }
    #expect(outcome.end == .allDelivered && outcome.failure == nil && outcome.photosSent == 2 && outcome.opsLeft == 0)
    #expect(last.withLock { $0?.photosDone } == 2)
    let record = try #require(try await store.get(saved.id))
    #expect(record.delivery == .delivered && record.deliveredAt != nil && record.photos.allSatisfy(\.isDelivered))
    let arrived = try Platform.shared.dump("record").filter { $0["id"]?.string == saved.id }
    #expect(arrived.count == 1 && arrived.first?["body"]?["text"] == "村东头排水沟堵了 😀")
    let hashes = Set(try Platform.shared.dump("photo").compactMap { $0["sha256"]?.string })
    #expect(hashes.isSuperset(of: saved.photos))
    try await sync.hint()
    #expect(try await sync.run(for: .seconds(60)).opsDelivered == 0)
  }

  @Test("no network is an outcome, by either way", arguments: Way.allCases)
  func offline(way: Way) async throws {
    let store = try await Phone().open()
    _ = try await store.capture(Incident(category: "road", text: "一"))
    Platform.shared.proxy.cut(after: 0)
    defer { Platform.shared.proxy.mend() }
    let outcome = try await store.sync(transport: way.transport).run(for: .seconds(30))
    #expect(outcome.end == .left && outcome.failure == .offline)
    #expect(outcome.opsLeft > 0 && outcome.nextAttempt != nil)
  }

  @Test("what a server that dies in the middle of an upload leaves is carried on later, and SIGPIPE ends nobody",
    arguments: Way.allCases)
  func cut(way: Way) async throws {
    signal(SIGPIPE, SIG_DFL)
    let phone = try await Phone()
    let store = try await phone.open()
    let saved = try await store.capture(
      Incident(category: "road", text: "二"),
      photos: ["road-02", "road-09", "road-16"].map { .near(Place.photo($0)) })
    let proxy = Platform.shared.proxy
    defer { proxy.mend() }
    let sync = try await store.sync(transport: way.transport)
    proxy.cut(after: 60_000)
    let broken = try await sync.run(for: .seconds(60))
    #expect(broken.end == .left && broken.failure == .offline && broken.photosLeft > 0)
    proxy.mend()
    var outcome = broken
    for _ in 0..<20 where outcome.end != .allDelivered {
      try await sync.hint()
      outcome = try await sync.run(for: .seconds(60))
    }
    #expect(outcome.end == .allDelivered)
    #expect(try await store.get(saved.id)?.delivery == .delivered)
    #expect(signal(SIGPIPE, SIG_DFL) == nil)
  }

  @Test("cancelling the task ends a run that waits, before and after it has begun, by either way",
    arguments: Way.allCases)
  func cancel(way: Way) async throws {
    let store = try await Phone().open()
    _ = try await store.capture(Incident(category: "road", text: "三"))
    let isAsked = Platform.shared.proxy.hold()
    defer { Platform.shared.proxy.mend() }
    let sync = try await store.sync(transport: way.transport)
    let run = Task { try await sync.run(for: .seconds(600)) }
    await blockingWait(isAsked)
    run.cancel()
    #expect(try await run.value.end == .cancelled)
    let atOnce = Task { try await sync.run(for: .seconds(600)) }
    atOnce.cancel()
    #expect(try await atOnce.value.end == .cancelled)
    #expect(try await store.status().unsentRecords == 1)
  }

  @Test("who cancels a run that has not begun ends no other, and not one request of it goes out")
  func cancelTooEarly() async throws {
    let store = try await Phone().open()
    _ = try await store.capture(Incident(category: "road", text: "三"))
    let held = Held()
    let sync = try await store.sync(transport: held)
    @Sendable func cancelled() async -> Result<SyncOutcome, JuluError> {
      withUnsafeCurrentTask { $0?.cancel() }
      do throws(JuluError) { return .success(try await sync.run()) } catch { return .failure(error) }
    }
    let run = Task { try await sync.run(for: .seconds(600)) }
    await blockingWait(held.isAsked)
    let second = await Task { await cancelled() }.value
    #expect(throws: JuluError(.syncInProgress)) { try second.get() }
    held.mayFail.signal()
    let outcome = try await run.value
    #expect(outcome.end == .left && outcome.failure == .offline && outcome.underlying is TransportFailure)
    let alone = try await Task { await cancelled() }.value.get()
    #expect(alone.end == .cancelled && alone.requests == 0)
  }

  @Test("closing the sync ends its run as cancelled, and the store lives until then, by either way",
    arguments: Way.allCases)
  func closing(way: Way) async throws {
    let phone = try await Phone()
    let isAsked = Platform.shared.proxy.hold()
    defer { Platform.shared.proxy.mend() }
    let sync: JuluSync
    do { sync = try await phone.open().sync(with: Platform.shared.url, transport: way.transport) }
    let run = Task { try await sync.run(for: .seconds(600)) }
    await blockingWait(isAsked)
    sync.close()
    let outcome = try await run.value
    #expect(outcome.end == .cancelled && outcome.failure == nil)
  }

  @Test("a transport that nobody waits for any more is told, and its late reply harms nobody")
  func late() async throws {
    let store = try await Phone().open()
    let slow = Slow()
    let sync = try await store.sync(transport: slow)
    let run = Task { try await sync.run(for: .seconds(600)) }
    await blockingWait(slow.isAsked)
    run.cancel()
    #expect(try await run.value.end == .cancelled)
    await blockingWait(slow.isCancelled)
  }

  @Test("headers without end are refused")
  func headers() async throws {
    struct Elsewhere: HostTransport {
      let url: String
      let real = URLSessionTransport()
      func send(_ request: TransportRequest) async throws -> TransportReply {
        try await real.send(TransportRequest(method: "GET", url: url, replyBytesMax: 1024, timeout: .seconds(20)))
      }
    }
    let many = (0..<2_000).map { "X-\($0): " + String(repeating: "x", count: 80) + "\r\n" }.joined()
    let server = OneShotServer("HTTP/1.1 511 Network Authentication Required\r\n\(many)Content-Length: 0\r\n\r\n")
    let sync = try await Phone().open().sync(transport: Elsewhere(url: server.url))
    #expect(try await sync.run(for: .seconds(60)).failure == .badReply)
  }

  @Test("what a transport throws is why an enrolment failed")
  func underlying() async throws {
    struct NoPermission: Error {}
    struct Throwing: HostTransport {
      func send(_ request: TransportRequest) async throws -> TransportReply { throw NoPermission() }
    }
    let folder = Folder()
    let failed = await failure { () throws(JuluError) in
      _ = try await enrol(
        platform: Platform.shared.url, code: "0000-0000-0000", root: folder.url, key: Phone.key,
        consent: .given(at: .now), transport: Throwing())
    }
    #expect(failed?.code == .offline && failed?.underlying is NoPermission)
  }

  @Test("an enrolment takes a CA file and a pinned key")
  func certificates() async throws {
    let server = OneShotServer(.silence)
    let platform = URL(string: "https" + server.url.dropFirst(4).dropLast())!
    let folder = Folder()
    func fails(_ caFile: URL?, _ pinnedKey: String) async -> JuluError? {
      await failure { () throws(JuluError) in
        _ = try await enrol(
          platform: platform, code: "0000-0000-0000", root: folder.url, key: Phone.key, consent: .given(at: .now),
          within: .milliseconds(300), caFile: caFile, pinnedKey: pinnedKey)
      }
    }
    #expect(await fails(nil, "sha256//AAAA=")?.code == .offline)
    #expect(await fails(folder.file("none.pem"), "sha256//AAAA=")?.code == .tls)
    #expect(await fails(nil, "a\0b")?.field == "pinned_key")
  }

  @Test("a refused code says which field, and no consent no network")
  func refused() async throws {
    let folder = Folder()
    func fails(_ code: String, _ consent: Date, _ platform: URL = Platform.shared.url) async -> JuluError? {
      await failure { () throws(JuluError) in
        _ = try await enrol(
          platform: platform, code: code, root: folder.url, key: Phone.key, consent: .given(at: consent))
      }
    }
    let refused = await fails("0000-0000-0000", .now)
    #expect(refused?.code == .enrolmentRefused && refused?.field == "/code")
    #expect(await fails("0000-0000-0000", Date(timeIntervalSince1970: 0))?.code == .consentMissing)
    #expect(await fails("0000-0000-0000", .now, URL(string: "http://127.0.0.1:1")!)?.code == .offline)
    #expect(try await enrolments(in: folder.url).isEmpty)
  }
}

/// Fails only when it is told to.
private final class Held: HostTransport {
  let isAsked = DispatchSemaphore(value: 0), mayFail = DispatchSemaphore(value: 0)
  func send(_ request: TransportRequest) async throws -> TransportReply {
    await withTaskCancellationHandler {
      isAsked.signal()
      await blockingWait(mayFail)
    } onCancel: {
      mayFail.signal()
    }
    throw TransportFailure(.offline)
  }
}

/// Answers only when it is cancelled, and then as if nothing had been.
private final class Slow: HostTransport {
  let isAsked = DispatchSemaphore(value: 0), isCancelled = DispatchSemaphore(value: 0)
  func send(_ request: TransportRequest) async throws -> TransportReply {
    await withTaskCancellationHandler {
      isAsked.signal()
      await blockingWait(isCancelled)
    } onCancel: {
      isCancelled.signal()
    }
    isCancelled.signal()
    return TransportReply(status: 200, body: Data("{}".utf8))
  }
}
