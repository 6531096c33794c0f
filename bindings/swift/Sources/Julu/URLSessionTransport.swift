// The system's own HTTP, for phones on which its proxies, its VPN and its rules should count.
import Foundation
import Synchronization

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
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        transfers.begin(task, Transfer(continuation, replyBytesMax: request.replyBytesMax))
      }
    } onCancel: {
      task.cancel()
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

/// One request under way; only the session's own queue touches it after `begin`.
private struct Transfer {
  let continuation: CheckedContinuation<TransportReply, any Error>
  let replyBytesMax: Int
  var body = Data()
  var refused: ErrorCode?

  init(_ continuation: CheckedContinuation<TransportReply, any Error>, replyBytesMax: Int) {
    (self.continuation, self.replyBytesMax) = (continuation, replyBytesMax)
  }
}

private final class Transfers: NSObject, URLSessionDataDelegate, Sendable {
  private let underWay = Mutex<[Int: Transfer]>([:])

  func begin(_ task: URLSessionDataTask, _ transfer: Transfer) {
    underWay.withLock { $0[task.taskIdentifier] = transfer }
    task.resume()
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
    newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
  ) {
    completionHandler(nil)
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let isTooLarge = underWay.withLock { transfers in
      guard var transfer = transfers.removeValue(forKey: dataTask.taskIdentifier) else { return false }
      defer { transfers[dataTask.taskIdentifier] = transfer }
      if data.count > transfer.replyBytesMax - transfer.body.count {
        transfer.refused = .tooLarge
        return true
      }
      transfer.body.append(data)
      return false
    }
    if isTooLarge { dataTask.cancel() }
  }

  func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    guard let transfer = underWay.withLock({ $0.removeValue(forKey: task.taskIdentifier) }) else { return }
    let sent = task.countOfBytesSent
    if let refused = transfer.refused {
      transfer.continuation.resume(throwing: TransportFailure(refused, bodyBytesSent: sent))
    } else if let error {
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
    switch (error as? URLError)?.code {
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
