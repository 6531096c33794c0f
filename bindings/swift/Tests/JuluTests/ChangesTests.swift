import Foundation
import Synchronization
import Testing

@testable import Julu

@Suite("Changes", .nothingStaysOpen)
struct ChangesTests {
  @Test("a loop hears of what was there and of all that comes, however slow it is")
  func all() async throws {
    let store = try await Phone().open()
    var expected = Set<String>()
    for number in 0..<250 { expected.insert(try await store.capture(visit(number)).id) }
    let writer = Task {
      var ids = Set<String>()
      for number in 250..<400 { ids.insert(try await store.capture(visit(number)).id) }
      return ids
    }
    var heard = Set<String>()
    for await change in store.changes {
      #expect(!change.records.isEmpty && change.records.count <= 200)
      heard.formUnion(change.records)
      await Task.yield()
      if heard.count == 400 { break }
    }
    expected.formUnion(try await writer.value)
    #expect(heard == expected)
  }

  @Test("two loops hear of the same, and one goes on from a token")
  func two() async throws {
    let store = try await Phone().open()
    let first = try await store.capture(visit(1)).id
    var one = store.changes.makeAsyncIterator()
    let change = try #require(await one.next())
    #expect(change.records == [first])
    var two = store.changes(since: change.token).makeAsyncIterator()
    let second = try await store.capture(visit(2)).id
    #expect(await one.next()?.records == [second])
    #expect(await two.next()?.records == [second])
  }

  @Test("a waiting loop wakes when something is written, ends when its task is cancelled and when the store is closed")
  func ends() async throws {
    let store = try await Phone().open()
    let heard = Mutex<[String]>([])
    let hasHeard = DispatchSemaphore(value: 0)
    let loop: @Sendable () async -> Void = {
      for await change in store.changes {
        heard.withLock { $0 += change.records }
        hasHeard.signal()
      }
    }
    let cancelled = Task(operation: loop)
    let saved = try await store.capture(visit(1))
    await blockingWait(hasHeard)
    #expect(heard.withLock { $0 } == [saved.id])
    cancelled.cancel()
    await cancelled.value
    let closed = Task(operation: loop)
    await blockingWait(hasHeard)
    store.close()
    await closed.value
  }

  @Test("a loop waits while the store is suspended and then hears of what it missed")
  func suspended() async throws {
    let phone = try await Phone()
    let store = try await phone.open()
    let first = try await store.capture(visit(1)).id
    let pages = Mutex<[String]>([])
    let hasHeard = DispatchSemaphore(value: 0)
    let loop = Task {
      for await change in store.changes {
        pages.withLock { $0 += change.records }
        hasHeard.signal()
      }
    }
    await blockingWait(hasHeard)
    try await store.suspend()
    let other = try await phone.open()
    let missed = try await other.capture(visit(2)).id
    other.close()
    try await store.resume(key: Phone.key)
    await blockingWait(hasHeard)
    #expect(pages.withLock { $0 } == [first, missed])
    loop.cancel()
    await loop.value
  }

  private func visit(_ number: Int) -> Visit { Visit(text: "第 \(number) 次") }
}
