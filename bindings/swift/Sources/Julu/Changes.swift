// The changes of a store as an AsyncSequence.
import CJulu
import Foundation

/// Records to ask for again, the oldest change first; one that `get` does not find any more has left the worker's
/// scope.
public struct Change: Sendable, Hashable {
  public let records: [String]
  /// For `changes(since:)`, to go on after this one another time.
  public let token: Int64
}

/// Begins with what the store holds and goes on with what changes. Nothing is queued: however slow a loop is, it asks the
/// store for the next page, and what changed more often comes once. So nothing is lost and memory is bounded. A loop ends
/// when its task is cancelled and when the store is closed; while the store is suspended it waits. It does not keep the
/// store open.
public struct Changes: AsyncSequence, Sendable {
  public typealias Element = Change
  public typealias Failure = Never
  let store: julu_store
  let wakes: Wakes
  let token: Int64

  public func makeAsyncIterator() -> AsyncIterator {
    // Listens first, then asks: what is written in between wakes it.
    AsyncIterator(store: store, token: token, wakes: wakes.listen().makeAsyncIterator())
  }

  public struct AsyncIterator: AsyncIteratorProtocol {
    let store: julu_store
    var token: Int64
    var wakes: AsyncStream<Void>.AsyncIterator

    @concurrent public mutating func next() async -> Change? {
      while !Task.isCancelled {
        do throws(JuluError) {
          let change = try await page(store, after: token)
          if !change.records.isEmpty {
            token = change.token
            return change
          }
        } catch {
          if error.code == .closed { return nil }
          // Anything else may pass, and the token still says from where to go on. A resume wakes; nothing else tells.
          if error.code != .suspended {
            try? await Task.sleep(for: pauseAfterError)
            continue
          }
        }
        if await wakes.next() == nil { return nil }
      }
      return nil
    }
  }
}

private let changesOfPage: Int32 = 200
private let pauseAfterError = Duration.seconds(1)

private func page(_ store: julu_store, after token: Int64) async throws(JuluError) -> Change {
  try await here { () throws(JuluError) in
    var next = token
    let records = try json([String].self) { julu_store_changes_since(store, token, changesOfPage, $0, &next, nil, $1) }
    return Change(records: records, token: next)
  }
}

/// Tells every loop over `changes` that it is worth asking; a loop that has not asked yet needs no second wake.
final class Wakes: Sendable {
  private struct State {
    var loops: [Int: AsyncStream<Void>.Continuation] = [:]
    var last = 0
    var isFinished = false
  }
  private let state = Locked(State())

  func observe(_ store: julu_store) throws(JuluError) {
    let told: julu_wake_fn = { context in
      let wakes: Wakes = borrowed(context)
      wakes.wake()
    }
    try check { julu_store_observe(store, told, retained(self), release, $0) }
  }

  func listen() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let number: Int? = state.withLock { state in
      if state.isFinished { return nil }
      state.last += 1
      state.loops[state.last] = continuation
      return state.last
    }
    guard let number else {
      continuation.finish()
      return stream
    }
    continuation.onTermination = { [weak self] _ in
      _ = self?.state.withLock { $0.loops.removeValue(forKey: number) }
    }
    return stream
  }

  func wake() {
    for loop in state.withLock({ Array($0.loops.values) }) { loop.yield() }
  }

  func finish() {
    let loops = state.withLock { state in
      state.isFinished = true
      return Array(state.loops.values)
    }
    for loop in loops { loop.finish() }  // outside of the lock: it calls onTermination
  }
}
