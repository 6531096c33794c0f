// A transport of the host's own, instead of libcurl.
import CJulu
import Foundation

public struct TransportRequest: Sendable {
  public var method: String
  public var url: String
  public var headers: [(name: String, value: String)]
  public var body: Data
  /// After decompression; the transport may stop there.
  public var replyBytesMax: Int
  /// Without a byte moving in either direction.
  public var timeout: Duration

  public init(
    method: String, url: String, headers: [(name: String, value: String)] = [], body: Data = Data(), replyBytesMax: Int,
    timeout: Duration
  ) {
    (self.method, self.url, self.headers, self.body) = (method, url, headers, body)
    (self.replyBytesMax, self.timeout) = (replyBytesMax, timeout)
  }
}

public struct TransportReply: Sendable {
  public var status: Int
  /// More than 64 KB make it bad_reply.
  public var headers: [(name: String, value: String)]
  public var body: Data
  /// Of the request's body, as far as known.
  public var bodyBytesSent: Int64

  public init(
    status: Int, headers: [(name: String, value: String)] = [], body: Data = Data(), bodyBytesSent: Int64 = 0
  ) {
    (self.status, self.headers, self.body, self.bodyBytesSent) = (status, headers, body, bodyBytesSent)
  }
}

/// There was no complete reply.
public struct TransportFailure: Error, Sendable, Hashable {
  /// offline, tls, too_large, cancelled or bad_reply.
  public let code: ErrorCode
  public let bodyBytesSent: Int64
  public init(_ code: ErrorCode, bodyBytesSent: Int64 = 0) { (self.code, self.bodyBytesSent) = (code, bodyBytesSent) }
}

/// Follow no redirect, add no cookie, take gzip. Throw `TransportFailure` when there is no complete reply; any other
/// error counts as offline. The task is cancelled when nobody waits for the reply any more.
public protocol HostTransport: Sendable {
  func send(_ request: TransportRequest) async throws -> TransportReply
}

/// Between a HostTransport and the library: a task for each request.
final class TransportLink: Sendable {
  let handle: julu_transport
  private let tasks: Tasks

  init(_ host: any HostTransport) throws(JuluError) {
    tasks = Tasks(host)
    var options = sized(julu_transport_options(), \.size)
    options.submit = { context, id, request in
      let tasks: Tasks = borrowed(context)
      tasks.begin(id, TransportRequest(request!.pointee))
      return Int32(JULU_OK)
    }
    options.cancel = { context, id in
      let tasks: Tasks = borrowed(context)
      tasks.cancel(id)
    }
    options.context = retained(tasks)
    options.release = Julu.release
    var opened: julu_transport = 0
    try check { julu_transport_open(&options, &opened, $0) }
    handle = opened
    tasks.state.withLock { $0.transport = opened }
  }

  /// What the transport threw when a request that was still waited for last failed so.
  func takeFailure(as code: ErrorCode?) -> (any Error)? {
    tasks.state.withLock { state in
      defer { state.failure = nil }
      return state.failure.flatMap { $0.code == code ? $0.error : nil }
    }
  }

  /// With why its transport failed, when that is known.
  func explained(_ error: JuluError) -> JuluError {
    let cause = error.underlying ?? takeFailure(as: error.code)
    return JuluError(error.code, field: error.field, detail: error.detail, underlying: cause)
  }

  /// What still runs is cancelled; what a sync still waits for fails as offline.
  func close() {
    julu_transport_close(handle)
    tasks.cancelAll()
  }
}

private final class Tasks: Sendable {
  struct State {
    var transport: julu_transport = 0
    var running: [UInt64: Task<Void, Never>] = [:]
    var failure: (code: ErrorCode, error: any Error)?
  }
  let host: any HostTransport
  let state = Locked(State())
  init(_ host: any HostTransport) { self.host = host }

  func begin(_ id: UInt64, _ request: TransportRequest) {
    // Under the lock, so that a task that ends at once finds itself to be removed.
    state.withLock { state in
      state.running[id] = Task { [host] in
        let result: Result<TransportReply, any Error>
        do { result = .success(try await host.send(request)) } catch { result = .failure(error) }
        self.end(id, result)
      }
    }
  }

  func cancel(_ id: UInt64) { state.withLock { $0.running.removeValue(forKey: id) }?.cancel() }

  func cancelAll() {
    let all = state.withLock { state in
      defer { state.running = [:] }
      return Array(state.running.values)
    }
    for task in all { task.cancel() }
  }

  private func end(_ id: UInt64, _ result: Result<TransportReply, any Error>) {
    var response = sized(julu_response(), \.size)
    let transport = state.withLock { state in
      let isAwaited = state.running.removeValue(forKey: id) != nil
      if case .failure(let error) = result {
        let code = code(of: error)
        response.failure = code.rawValue
        if isAwaited { state.failure = (code, error) }
      }
      return state.transport
    }
    switch result {
    case .failure(let error):
      response.body_bytes_sent = (error as? TransportFailure)?.bodyBytesSent ?? 0
      _ = julu_transport_complete(transport, id, &response, nil)
    case .success(let reply):
      response.status = Int32(clamping: reply.status)
      response.body_bytes_sent = reply.bodyBytesSent
      complete(transport, id, &response, reply)
    }
  }

  private func code(of error: any Error) -> ErrorCode {
    (error as? TransportFailure)?.code ?? (error is CancellationError ? .cancelled : .offline)
  }

  private func complete(
    _ transport: julu_transport, _ id: UInt64, _ response: inout julu_response, _ reply: TransportReply
  ) {
    withTexts(reply.headers.flatMap { [$0.name, $0.value] }) { texts in
      let headers = reply.headers.indices.map { julu_header(name: texts[2 * $0], value: texts[2 * $0 + 1]) }
      headers.withUnsafeBufferPointer { headers in
        reply.body.withUnsafeBytes { (body: UnsafeRawBufferPointer) in
          response.headers = headers.baseAddress
          response.header_count = UInt32(headers.count)
          response.body = julu_text(data: body.bindMemory(to: CChar.self).baseAddress, length: body.count)
          _ = julu_transport_complete(transport, id, &response, nil)
        }
      }
    }
  }
}

extension TransportRequest {
  fileprivate init(_ request: julu_request) {
    method = string(request.method)
    url = string(request.url)
    headers = (0..<Int(request.header_count)).map { at in
      (name: string(request.headers[at].name), value: string(request.headers[at].value))
    }
    body = Data(UnsafeRawBufferPointer(start: request.body.data, count: request.body.length))
    replyBytesMax = Int(clamping: request.reply_bytes_max)
    timeout = .milliseconds(request.timeout_ms)
  }
}
