// Carries the queue of a store to the platform.
import CJulu
import Foundation

public struct SyncProgress: Sendable, Hashable {
  public let opsDone: Int64, opsTotal: Int64
  public let thumbnailsDone: Int64, thumbnailsTotal: Int64
  public let photosDone: Int64, photosTotal: Int64
  /// Of photos.
  public let bytesDone: Int64, bytesTotal: Int64
}

/// How a run ended. `allDelivered`: nothing is left that goes by itself; what the platform refused (`opsParked`) was not
/// delivered and waits for a person. For a BGTask it is done, `left` and `deadline` want another one. `cancelled`: as the
/// host wishes; `signIn` and `deviceRefused`: tell the person, try again no sooner than the next day's work;
/// `appTooOld`: update.
public enum SyncEnd: Int32, Sendable {
  case allDelivered, left, deadline, cancelled, signIn, deviceRefused, appTooOld
}

public struct SyncOutcome: Sendable, Hashable {
  public let end: SyncEnd
  /// Why something is left, when one cause is known.
  public let failure: ErrorCode?
  /// What a transport of the host's threw, when that is why. Not compared.
  public var underlying: (any Error)? { aside.error }
  private let aside: Aside
  /// Receipted in this run.
  public let opsDelivered: Int64
  public let opsLeft: Int64
  /// In all, waiting for a person.
  public let opsParked: Int64
  public let photosSent: Int64
  public let photosLeft: Int64
  /// Sent again ones included.
  public let photoBytesSent: Int64
  /// By what the platform sent.
  public let recordsChanged: Int64
  public let requests: Int64
  /// In the past: due now. Nil: nothing waits.
  public let nextAttempt: Date?
}

/// Free to share between tasks; one `run` at a time. Closed by `close`, and when the last reference goes.
public final class JuluSync: Sendable {
  private struct State {
    var isClosed = false
    var users = 1  // runs, and one until closed
    var current: Stop?  // of the run under way
  }
  private let handle: julu_sync
  private let link: TransportLink?
  private let state = Locked(State())

  init(
    _ store: julu_store, platform: URL?, caFile: URL?, pinnedKey: String?, transport: (any HostTransport)?
  ) throws(JuluError) {
    var options = sized(julu_sync_options(), \.size)
    let bundle: String? = if let caFile { try path(caFile, "ca_file") } else { nil }
    let link = try transport.map { host throws(JuluError) in try TransportLink(host) }
    options.transport = link?.handle ?? 0
    var opened: julu_sync = 0
    do {
      try check { error in
        withTexts([platform?.absoluteString, bundle, pinnedKey]) { texts in
          (options.platform, options.ca_file, options.pinned_key) = (texts[0], texts[1], texts[2])
          return julu_sync_open(store, &options, &opened, error)
        }
      }
    } catch {
      link?.close()
      throw error
    }
    handle = opened
    self.link = link
  }

  deinit { close() }

  /// Ends a run under way first.
  public func close() {
    julu_sync_close(handle)
    let wasClosed = state.withLock { state in
      defer { state.isClosed = true }
      return state.isClosed
    }
    if !wasClosed { letGo() }
  }

  /// A transport that closes first would make a run that is being cancelled look offline.
  private func letGo() {
    let isLast = state.withLock { state in
      state.users -= 1
      return state.users == 0
    }
    if isLast { link?.close() }
  }

  /// One run. Offline is an outcome, not an error; what was delivered stays delivered. Cancelling the task ends it
  /// within a second, with an outcome too. `progress` comes on the run's own thread, at most ten times a second.
  /// `atMost` zero or less: ends at once. Errors: sync_in_progress, suspended, store_corrupt (then close the store and
  /// open it), and those of the disk.
  public func run(
    for atMost: Duration = .seconds(600), progress: (@Sendable (SyncProgress) -> Void)? = nil
  ) async throws(JuluError) -> SyncOutcome {
    let stop = Stop()
    // Typed errors do not pass through withTaskCancellationHandler.
    let result: Result<SyncOutcome, JuluError> = await withTaskCancellationHandler {
      do throws(JuluError) {
        return .success(try await elsewhereLong { () throws(JuluError) in
          try self.begin(stop)
          defer { self.end(stop) }
          return try self.runHere(atMost, stop, progress)
        })
      } catch {
        return .failure(error)
      }
    } onCancel: {
      stop.isCancelled.withLock { $0 = true }
      self.endRun(of: stop)
    }
    return try result.get()
  }

  /// A second run is refused here already, so that a cancel finds no other than its own.
  private func begin(_ stop: Stop) throws(JuluError) {
    let isBusy = state.withLock { state in
      let isBusy = state.current != nil && !state.isClosed
      if isBusy { return true }
      state.users += 1
      if state.current == nil { state.current = stop }
      return false
    }
    if isBusy { throw JuluError(.syncInProgress) }
  }

  private func end(_ stop: Stop) {
    state.withLock { if $0.current === stop { $0.current = nil } }
    letGo()
  }

  private func endRun(of stop: Stop) {
    state.withLock { if $0.current === stop { _ = julu_sync_cancel(handle, nil) } }
  }

  private func runHere(
    _ atMost: Duration, _ stop: Stop, _ progress: (@Sendable (SyncProgress) -> Void)?
  ) throws(JuluError) -> SyncOutcome {
    final class Teller {
      let tell: (SyncProgress) -> Void
      init(_ tell: @escaping (SyncProgress) -> Void) { self.tell = tell }
    }
    let told: julu_progress_fn = { context, now in
      let teller: Teller = borrowed(context)
      teller.tell(SyncProgress(now!.pointee))
    }
    let teller = Teller { now in
      if stop.isCancelled.withLock({ $0 }) { self.endRun(of: stop) }
      progress?(now)
    }
    var outcome = sized(julu_outcome(), \.size)
    _ = link?.takeFailure(as: nil)
    try withExtendedLifetime(teller) { () throws(JuluError) in
      try check {
        let context = Unmanaged.passUnretained(teller).toOpaque()
        return julu_sync_run(handle, max(1, milliseconds(atMost)), told, context, &outcome, $0)
      }
    }
    return SyncOutcome(outcome, underlying: link?.takeFailure(as: ErrorCode(rawValue: outcome.failure)))
  }

  /// Ends the run under way; none: does nothing. May be called anywhere, also from `progress`.
  public func cancel() { _ = julu_sync_cancel(handle, nil) }

  /// The network came or changed: what waits for its next attempt goes at once.
  public func hint() async throws(JuluError) {
    let handle = handle
    try await here { () throws(JuluError) in try check { julu_sync_hint(handle, $0) } }
  }
}

/// A task may be cancelled just before its run has begun, and a run that has not begun hears no cancel. So it is told
/// again by the first progress, which comes before the first request.
private final class Stop: Sendable {
  let isCancelled = Locked(false)
}

extension SyncProgress {
  init(_ now: julu_progress) {
    (opsDone, opsTotal) = (now.ops_done, now.ops_total)
    (thumbnailsDone, thumbnailsTotal) = (now.thumbnails_done, now.thumbnails_total)
    (photosDone, photosTotal) = (now.photos_done, now.photos_total)
    (bytesDone, bytesTotal) = (now.bytes_done, now.bytes_total)
  }
}

extension SyncOutcome {
  init(_ outcome: julu_outcome, underlying: (any Error)?) {
    end = SyncEnd(rawValue: outcome.end) ?? .left
    failure = outcome.failure == JULU_OK ? nil : ErrorCode(rawValue: outcome.failure) ?? .internal
    aside = Aside(error: failure == nil ? nil : underlying)
    opsDelivered = outcome.ops_delivered
    opsLeft = outcome.ops_left
    opsParked = outcome.ops_parked
    photosSent = outcome.photos_sent
    photosLeft = outcome.photos_left
    photoBytesSent = outcome.photo_bytes_sent
    recordsChanged = outcome.records_changed
    requests = outcome.requests
    nextAttempt = outcome.next_attempt_ms < 0 ? nil : date(outcome.next_attempt_ms)
  }
}
