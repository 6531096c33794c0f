import CJulu
import Foundation
import Synchronization
import Testing

@testable import Julu

@Suite("Handles", .nothingStaysOpen)
struct HandleTests {
  @Test("a closed store says so in every call, and closing again does nothing")
  func useAfterClose() async throws {
    let store = try await Phone().open()
    let sync = try await store.sync()
    store.close()
    store.close()
    #expect(await failure { () throws(JuluError) in _ = try await store.status() }?.code == .closed)
    #expect(await failure { () throws(JuluError) in _ = try await store.list() }?.code == .closed)
    #expect(await failure { () throws(JuluError) in _ = try await store.sync() }?.code == .closed)
    #expect(await failure { () throws(JuluError) in try await store.suspend() }?.code == .closed)
    #expect(
      await failure { () throws(JuluError) in
        _ = try await store.capture(Incident(category: "road", text: "一"), photos: [.near(Place.photo("road-02"))])
      }?.code == .closed)
    sync.close()
    sync.close()
    sync.cancel()
    #expect(await failure { () throws(JuluError) in _ = try await sync.run() }?.code == .closed)
    for await _ in store.changes { Issue.record("a closed store has no changes") }
  }

  @Test("the last reference closes")
  func lastReference() async throws {
    let phone = try await Phone()
    do {
      let store = try await phone.open()
      let sync = try await store.sync(transport: URLSessionTransport())
      #expect(liveHandles == 3)
      _ = (store, sync)
    }
    for _ in 0..<1_000_000 where liveHandles > 0 { await Task.yield() }
    #expect(liveHandles == 0)
  }

  @Test("a store may be closed while a call on another thread is inside it")
  func closeDuringCall() async throws {
    let phone = try await Phone()
    let store = try await phone.open()
    let bytes = try Data(contentsOf: Place.photo("road-02"))
    let isInside = DispatchSemaphore(value: 0), mayGoOn = DispatchSemaphore(value: 0)
    let isDone = Mutex(false)
    let capture = Task {
      try await store.capture(
        Incident(category: "road", text: "一"),
        photos: [
          Photo(.stream { buffer in
            if isDone.withLock({ $0 }) { return 0 }
            isDone.withLock { $0 = true }
            isInside.signal()
            mayGoOn.wait()
            bytes.copyBytes(to: buffer)
            return bytes.count
          })
        ])
    }
    await blockingWait(isInside)
    store.close()
    #expect(liveHandles == 0)
    mayGoOn.signal()
    let saved = try await capture.value
    let again = try await phone.open()
    #expect(try await again.get(saved.id) != nil)
  }

  @Test("a photo's stream, a progress function and a log sink may call the store that calls them")
  func reenter() async throws {
    let store = try await Phone().open()
    let bytes = try Data(contentsOf: Place.photo("road-02"))
    let seen = Mutex<[Int64]>([]), isDone = Mutex(false)
    let saved = try await store.capture(
      Incident(category: "road", text: "一"),
      photos: [
        Photo(.stream { buffer in
          if isDone.withLock({ $0 }) { return 0 }
          isDone.withLock { $0 = true }
          let records = try waitFor { try await store.status().records }
          seen.withLock { $0.append(records) }
          bytes.copyBytes(to: buffer)
          return bytes.count
        })
      ])
    #expect(seen.withLock { $0 } == [0])
    let sync = try await store.sync()
    let outcome = try await sync.run(for: .seconds(60)) { _ in
      _ = try? waitFor { try await store.get(saved.id) }
      let second = try? waitFor { await failure { () throws(JuluError) in _ = try await sync.run() }?.code }
      #expect(second == .syncInProgress)
    }
    #expect(outcome.end == .allDelivered)
    _ = try await sync.run(for: .seconds(60)) { _ in
      sync.close()
      store.close()
    }
  }

  @Test("150 photo streams that each wait for an answer of the store do not stop Swift's tasks", .timeLimit(.minutes(1)))
  func streamsThatWait() async throws {
    let store = try await Phone().open()
    await withTaskGroup(of: ErrorCode?.self) { group in
      for _ in 0..<150 {
        group.addTask(priority: .userInitiated) {
          await failure { () throws(JuluError) in
            let photo = Photo(.stream { _ in try waitFor { Int(try await store.status().records) } })
            _ = try await store.capture(Incident(category: "road", text: "一"), photos: [photo])
          }?.code
        }
      }
      for await code in group { #expect(code == .photoEmpty) }
    }
  }

  @Test("what C holds of Swift's goes when it is no longer needed",
    .enabled(if: Place.variable("JULU_CIPHER") != "0", "a store without a key asks for none"))
  func released() async throws {
    final class Probe: Sendable {}
    struct Probing: HostTransport {
      let probe: Probe
      let inner = URLSessionTransport()
      func send(_ request: TransportRequest) async throws -> TransportReply { try await inner.send(request) }
    }
    weak var key: Probe?, sink: Probe?, transport: Probe?
    let phone = try await Phone()
    do {
      let probes = (Probe(), Probe(), Probe())
      (key, sink, transport) = probes
      setLog { [probe = probes.1] _, _ in withExtendedLifetime(probe) {} }
      let bytes = try Phone.key.bytes()
      let asked = StoreKey(from: { [probe = probes.0] in withExtendedLifetime(probe) { bytes } })
      let missing = await failure { () throws(JuluError) in
        _ = try await JuluStore.open(at: phone.folder.file("none"), key: asked)
      }
      #expect(missing != nil)
      let store = try await JuluStore.open(at: phone.device.directory, key: asked)
      let sync = try await store.sync(transport: Probing(probe: probes.2))
      _ = try await sync.run(for: .seconds(30)) { [probe = probes.2] _ in withExtendedLifetime(probe) {} }
      #expect(key != nil && sink != nil && transport != nil)
      sync.close()
      store.close()
      setLog(nil)
    }
    for _ in 0..<1_000_000 where key != nil || sink != nil || transport != nil { await Task.yield() }
    #expect(key == nil)
    #expect(sink == nil)
    #expect(transport == nil)
  }

  @Test("10,000 stores opened and closed leave nothing behind")
  func manyOpens() async throws {
    let phone = try await Phone()
    let before = openDescriptors()
    for round in 0..<10_000 {
      let store = try await phone.open()
      if round % 2 == 0 { store.close() }
    }
    for _ in 0..<1_000_000 where liveHandles > 0 { await Task.yield() }
    #expect(liveHandles == 0)
    #expect(openDescriptors() <= before + 2)
  }

  @Test("many tasks at once, some of which close")
  func contention() async throws {
    let phone = try await Phone()
    for _ in 0..<20 {
      let store = try await phone.open()
      await withTaskGroup(of: ErrorCode?.self) { group in
        for number in 0..<12 {
          group.addTask {
            await failure { () throws(JuluError) in
              if number == 7 { store.close() }
              _ = try await store.capture(Incident(category: "road", text: "\(number)"))
              _ = try await store.list()
            }?.code
          }
        }
        for await code in group { #expect(code == nil || code == .closed) }
      }
    }
  }

  private func openDescriptors() -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
  }
}

/// For a callback of C's, which has no other way to call what is async.
func waitFor<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) throws -> T {
  let done = DispatchSemaphore(value: 0)
  let result = Mutex<Result<T, any Error>?>(nil)
  Task {
    do {
      let value = try await body()
      result.withLock { $0 = .success(value) }
    } catch {
      result.withLock { $0 = .failure(error) }
    }
    done.signal()
  }
  done.wait()
  return try result.withLock { $0! }.get()
}

/// Waits without a thread of Swift's own few.
func blockingWait(_ semaphore: DispatchSemaphore) async {
  await withCheckedContinuation { continuation in
    Thread.detachNewThread {
      semaphore.wait()
      continuation.resume()
    }
  }
}
