// The system's own HTTP, for phones on which its proxies, its VPN and its rules should count.
import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Over URLSession: no redirects, no cookies, no cache, gzip taken, HTTPS only unless the other end is this machine.
public final class URLSessionTransport: HostTransport {
  private let session: URLSession
  private let transfers = Transfers()

  public init() {
    let configuration = URLSessionConfiguration.ephemeral
    configuration.httpCookieStorage = nil
    configuration.httpShouldSetCookies = false
    configuration.urlCache = nil
    configuration.urlCredentialStorage = nil
    configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
    configuration.timeoutIntervalForResource = 24 * 3600  // the library has deadlines of its own
    session = URLSession(configuration: configuration, delegate: transfers, delegateQueue: nil)
  }

  deinit { session.invalidateAndCancel() }

  public func send(_ request: TransportRequest) async throws -> TransportReply {
    let task = session.dataTask(with: try Self.urlRequest(request))
    defer { transfers.forget(task) }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        transfers.begin(task, Transfer(continuation: continuation, replyBytesMax: request.replyBytesMax))
      }
    } onCancel: {
      transfers.end(task, .cancelled)
    }
  }

  private static func urlRequest(_ request: TransportRequest) throws -> URLRequest {
    guard let url = URL(string: request.url), let host = url.host, let scheme = url.scheme?.lowercased(),
      scheme == "https" || scheme == "http"
    else { throw TransportFailure(.badReply) }
    if scheme == "http" && !["127.0.0.1", "::1", "[::1]", "localhost"].contains(host) { throw TransportFailure(.tls) }
    var made = URLRequest(url: url)
    made.httpMethod = request.method
    made.httpShouldHandleCookies = false
    made.timeoutInterval = max(0.001, Double(request.timeout.components.seconds)
      + Double(request.timeout.components.attoseconds) / 1e18)
    for (name, value) in request.headers { made.addValue(value, forHTTPHeaderField: name) }
    if !request.body.isEmpty { made.httpBody = request.body }
    return made
  }
}

private struct Transfer {
  let continuation: CheckedContinuation<TransportReply, any Error>
  let replyBytesMax: Int
  var body = Data()
}

/// What is under way. Here and not in URLSession is decided what a request came to: on Linux a task that is cancelled
/// before it began never tells its delegate.
private final class Transfers: NSObject, URLSessionDataDelegate, Sendable {
  private struct State {
    var underWay: [Int: Transfer] = [:]
    var endedBefore: Set<Int> = []
  }
  private let state = Locked(State())

  func begin(_ task: URLSessionDataTask, _ transfer: Transfer) {
    let begins = state.withLock { state in
      if state.endedBefore.contains(task.taskIdentifier) { return false }
      state.underWay[task.taskIdentifier] = transfer
      task.resume()
      return true
    }
    if !begins { transfer.continuation.resume(throwing: TransportFailure(.cancelled)) }
  }

  /// Its first end counts.
  func end(_ task: URLSessionTask, _ failure: ErrorCode) {
    let transfer = state.withLock { state in
      state.endedBefore.insert(task.taskIdentifier)
      return state.underWay.removeValue(forKey: task.taskIdentifier)
    }
    task.cancel()
    let sent = task.countOfBytesSent
    transfer?.continuation.resume(throwing: TransportFailure(failure, bodyBytesSent: sent))
  }

  func forget(_ task: URLSessionTask) { state.withLock { _ = $0.endedBefore.remove(task.taskIdentifier) } }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
    newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
  ) {
    completionHandler(nil)
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let isTooLarge = state.withLock { state in
      guard var transfer = state.underWay.removeValue(forKey: dataTask.taskIdentifier) else { return false }
      let fits = data.count <= transfer.replyBytesMax - transfer.body.count
      if fits { transfer.body.append(data) }
      state.underWay[dataTask.taskIdentifier] = transfer
      return !fits
    }
    if isTooLarge { end(dataTask, .tooLarge) }
  }

  func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    guard let transfer = state.withLock({ $0.underWay.removeValue(forKey: task.taskIdentifier) }) else { return }
    let sent = task.countOfBytesSent
    if let error {
      transfer.continuation.resume(throwing: TransportFailure(code(of: error), bodyBytesSent: sent))
    } else if let response = task.response as? HTTPURLResponse {
      let headers = response.allHeaderFields.map { (name: "\($0.key)", value: "\($0.value)") }
      transfer.continuation.resume(
        returning: TransportReply(
          status: response.statusCode, headers: headers, body: transfer.body, bodyBytesSent: sent))
    } else {
      transfer.continuation.resume(throwing: TransportFailure(.badReply, bodyBytesSent: sent))
    }
  }

  private func code(of error: any Error) -> ErrorCode {
    #if canImport(FoundationNetworking)
      // On Linux URLSession has no code of its own for what TLS fails of, but OpenSSL's sentence; and what it calls a bad
      // response is none at all.
      let why = error.localizedDescription
      if why.contains("SSL routines") || why.contains("certificate") { return .tls }
      if (error as? URLError)?.code == .badServerResponse { return .offline }
    #endif
    return switch (error as? URLError)?.code {
    case .cancelled: .cancelled
    case .secureConnectionFailed, .serverCertificateHasBadDate, .serverCertificateUntrusted,
      .serverCertificateHasUnknownRoot, .serverCertificateNotYetValid, .clientCertificateRejected,
      .clientCertificateRequired, .appTransportSecurityRequiresSecureConnection:
      .tls
    case .badServerResponse, .cannotParseResponse, .cannotDecodeContentData, .cannotDecodeRawData, .badURL,
      .unsupportedURL:
      .badReply
    case .dataLengthExceedsMaximum: .tooLarge
    default: .offline
    }
  }
}
