import Foundation
import Synchronization
import Testing

@testable import Julu

/// What tests/unit/curl_transport_test.cpp asks of libcurl, asked of URLSession.
@Suite("A transport of the host's own", .nothingStaysOpen)
struct TransportTests {
  let transport = URLSessionTransport()

  @Test("a request arrives as it was given and its reply comes back whole")
  func whole() async throws {
    let server = OneShotServer("HTTP/1.1 201 Created\r\nLocation: /x\r\nContent-Length: 5\r\n\r\nhello")
    let reply = try await transport.send(
      request(
        "PATCH", server.url + "v1/photos/1",
        headers: [("Upload-Offset", "7"), ("Content-Type", "application/offset+octet-stream")],
        body: Data("a\0b".utf8)))
    #expect(reply.status == 201 && reply.body == Data("hello".utf8) && reply.bodyBytesSent == 3)
    #expect(reply.headers.contains { $0.name.lowercased() == "location" && $0.value == "/x" })
    #expect(server.asked.hasPrefix("PATCH /v1/photos/1 HTTP/1.1\r\n"))
    #expect(server.asked.contains("Upload-Offset: 7\r\n"))
    #expect(!server.asked.contains("Expect:") && !server.asked.lowercased().contains("cookie"))
    #expect(server.asked.hasSuffix("\r\n\r\na\0b"))
  }

  @Test("a redirect is an answer, not a way")
  func redirect() async throws {
    let server = OneShotServer("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    #expect(try await transport.send(request("GET", server.url)).status == 302)
  }

  @Test("a cookie is not kept")
  func cookies() async throws {
    let server = OneShotServer("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
    _ = try await transport.send(request("GET", server.url))
    let second = OneShotServer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    _ = try await transport.send(request("GET", second.url))
    #expect(!second.asked.lowercased().contains("cookie"))
  }

  @Test("a reply is bounded, after it was inflated when it came as gzip")
  func bounded() async throws {
    let bytes = [UInt8](repeating: 120, count: 100_000)
    let plain = OneShotServer("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", bytes)
    let packed = try gzip(of: 100_000)
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n"
    for server in [plain, OneShotServer(head, packed)] {
      let fits = try await transport.send(request("GET", server.url, replyBytesMax: 100_000))
      #expect(fits.body == Data(repeating: 120, count: 100_000))
      #expect(await failure(request("GET", server.url, replyBytesMax: 99_999)) == .tooLarge)
    }
  }

  @Test("a reply that breaks off is no reply, nor is an upload that does")
  func broken() async throws {
    let half = OneShotServer("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")
    #expect(await failure(request("GET", half.url)) == .offline)
    let server = OneShotServer(.cut(100_000))
    let body = Data(repeating: 1, count: 16 << 20)
    #expect(await failure(request("PUT", server.url, body: body)) == .offline)
  }

  @Test("nobody at the other end is offline, and clear text beyond this machine is not sent")
  func offline() async throws {
    #expect(await failure(request("GET", "http://127.0.0.1:1/")) == .offline)
    #expect(await failure(request("GET", "http://county.example/")) == .tls)
    #expect(await failure(request("GET", "file:///etc/passwd")) == .badReply)
  }

  @Test("a server that speaks no TLS is a TLS failure")
  func tls() async throws {
    let server = OneShotServer("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    #expect(await failure(request("GET", "https" + server.url.dropFirst(4))) == .tls)
  }

  @Test("silence ends at the time-out, a cancelled request as cancelled")
  func silence() async throws {
    let server = OneShotServer(.silence)
    #expect(await failure(request("GET", server.url, timeout: .milliseconds(50))) == .offline)
    let waiting = Task { await failure(request("GET", server.url)) }
    waiting.cancel()
    #expect(await waiting.value == .cancelled)
  }

  private func request(
    _ method: String, _ url: String, headers: [(name: String, value: String)] = [], body: Data = Data(),
    replyBytesMax: Int = 1024, timeout: Duration = .seconds(20)
  ) -> TransportRequest {
    TransportRequest(
      method: method, url: url, headers: headers, body: body, replyBytesMax: replyBytesMax, timeout: timeout)
  }

  private func failure(_ request: TransportRequest) async -> ErrorCode? {
    do {
      _ = try await transport.send(request)
      return nil
    } catch {
      return (error as? TransportFailure)?.code
    }
  }

  private func gzip(of count: Int) throws -> [UInt8] {
    let folder = Folder()
    try Data(repeating: 120, count: count).write(to: folder.file("plain"))
    let files = [folder.file("plain").path, folder.file("gz").path]
    #expect(try run("/bin/sh", ["-c", "gzip -n < \"$0\" > \"$1\""] + files).status == 0)
    return [UInt8](try Data(contentsOf: folder.file("gz")))
  }
}
