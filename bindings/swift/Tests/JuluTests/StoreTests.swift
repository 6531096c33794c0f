import Foundation
import Synchronization
import Testing

@testable import Julu

@Suite("The store", .nothingStaysOpen)
struct StoreTests {
  @Test("what was captured is there again, typed, with its photos")
  func capture() async throws {
    let phone = try await Phone()
    let store = try await phone.open()
    let file = Place.photo("ditch-01")
    let saved = try await store.capture(
      Incident(category: "drainage", text: "村东头排水沟堵了", urgency: .urgent), photos: [.near(file)])
    #expect(saved.photos.count == 1 && saved.photos[0].count == 64 && saved.photoBytes > 0)
    let record = try #require(try await store.get(saved.id))
    #expect(try record.body(as: Incident.self).text == "村东头排水沟堵了")
    #expect(record.delivery == .saved && record.photos[0].role == .near && record.capturedAt == saved.capturedAt)
    #expect(await failure { () throws(JuluError) in _ = try record.body(as: Visit.self) }?.code == .shapeMismatch)
    #expect(try await store.list(Filter(kind: "incident", search: "排水沟")).map(\.id) == [saved.id])
    #expect(try await store.findID(endingWith: try await store.shortID(of: saved.id)) == saved.id)
    #expect(try await store.history(of: saved.id).first?.what == "create")
    #expect(try await store.status().unsentRecords == 1)
    #expect(try await store.thumbnail(saved.photos[0]).starts(with: [0xFF, 0xD8]))
    #expect(try await store.get(UUID().uuidString.lowercased()) == nil)
    #expect(try await store.kinds().contains("incident"))
    #expect(try await store.schema(of: "incident")["x-kind"] == "incident")
    #expect(try await store.codes(of: "sex")["id"] == "sex")
    #expect(try await store.identity().worker == phone.worker)
    #expect(try await enrolments(in: phone.folder.url).map(\.worker) == [phone.worker])
    try await store.maintain(for: .milliseconds(100))
  }

  @Test("strings come back as they went in",
    arguments: ["𠮷野家", "😀👨‍👩‍👧", "é", "\u{10FFFF}", "一\"\\\n二"])
  func strings(text: String) async throws {
    let store = try await Phone().open()
    let saved = try await store.capture(Incident(category: "road", text: text))
    let body = try await store.get(saved.id)?.body(as: Incident.self)
    #expect(body.map { Array($0.text.utf8) } == Array(text.utf8))
  }

  @Test("a NUL stays where it is, in a body and in a word")
  func nul() async throws {
    let store = try await Phone().open()
    let saved = try await store.capture(Incident(category: "road", text: "a\0b"))
    #expect(try await store.get(saved.id)?.body["text"] == "a\0b")
    let word = await failure { () throws(JuluError) in _ = try await store.schema(of: "incident\0") }
    #expect(word?.code == .kindUnknown)
  }

  @Test("a photo goes in by its file, a descriptor, bytes or a stream, and comes out as it went in")
  func photos() async throws {
    let store = try await Phone().open()
    let file = Place.photo("lid-06")
    let bytes = try Data(contentsOf: file)
    let opened = try FileHandle(forReadingFrom: file)
    let rest = Mutex(bytes[...])
    let stream: @Sendable (UnsafeMutableRawBufferPointer) throws -> Int = { buffer in
      rest.withLock { rest in
        let part = rest.prefix(min(buffer.count, 1000))
        part.copyBytes(to: buffer)
        rest = rest.dropFirst(part.count)
        return part.count
      }
    }
    let saved = try await store.capture(
      Incident(category: "road", text: "井盖"),
      photos: [
        .near(file), Photo(.descriptor(opened.fileDescriptor), role: .far), Photo(.data(bytes), role: .reference),
        Photo(.stream(stream), role: "of_tomorrow"),
      ])
    #expect(Set(saved.photos).count == 1 && saved.photos.count == 4)
    #expect(try await store.get(saved.id)?.photos.map(\.role) == [.near, .far, .reference, "of_tomorrow"])

    let out = Mutex(Data())
    try await store.readPhoto(
      saved.photos[0],
      to: .stream { part in
        out.withLock { $0.append(contentsOf: part) }
        return true
      })
    let folder = Folder()
    try await store.readPhoto(saved.photos[0], to: .file(folder.file("a.jpg")))
    #expect(try Data(contentsOf: folder.file("a.jpg")) == out.withLock { $0 })
    let stopped = await failure { () throws(JuluError) in
      try await store.readPhoto(saved.photos[0], to: .stream { _ in false })
    }
    #expect(stopped?.code == .cancelled)
    signal(SIGPIPE, SIG_DFL)
    let pipe = Pipe()
    try pipe.fileHandleForReading.close()
    let unread = await failure { () throws(JuluError) in
      try await store.readPhoto(saved.photos[0], to: .descriptor(pipe.fileHandleForWriting.fileDescriptor))
    }
    #expect(unread?.code == .io)
  }

  @Test("photos read into pipes that other tasks read do not stop Swift's tasks", .timeLimit(.minutes(1)))
  func pipes() async throws {
    let store = try await Phone().open()
    let file = Place.photo("wall-04")
    let saved = try await store.capture(Incident(category: "road", text: "井盖丢了"), photos: [.near(file)])
    let length = Int(saved.photoBytes)
    #expect(length > 64 * 1024, "a pipe holds it, and nobody waits")
    try await withThrowingTaskGroup(of: Int.self) { group in
      let pipes = (0..<20).map { _ in Pipe() }
      for pipe in pipes {
        group.addTask {
          try await store.readPhoto(saved.photos[0], to: .descriptor(pipe.fileHandleForWriting.fileDescriptor))
          return length
        }
      }
      for pipe in pipes {
        group.addTask { try pipe.fileHandleForReading.read(upToCount: length)?.count ?? 0 }
      }
      for try await bytes in group { #expect(bytes == length) }
    }
  }

  @Test("a failed call names what was wrong, and nothing of it is there")
  func errors() async throws {
    let store = try await Phone().open()
    struct Broken: Error {}
    let incident = Incident(category: "road", text: "一")
    func fails(_ body: Incident, _ photos: [Photo] = [], id: String? = nil) async -> JuluError? {
      await failure { () throws(JuluError) in _ = try await store.capture(body, photos: photos, id: id) }
    }
    let empty = await fails(Incident(category: "road", text: ""))
    #expect(empty?.field == "/text" && empty?.detail.isEmpty == true)
    let broken = await fails(incident, [.near(Place.photo("road-02")), Photo(.stream { _ in throw Broken() })])
    #expect(broken?.code == .io && broken?.field == "/photos/1/read" && broken?.underlying is Broken)
    #expect(empty?.underlying == nil)
    #expect(await fails(incident, [Photo(.data(Data("GIF89a".utf8)))])?.code == .photoFormat)
    #expect(await fails(incident, [.near(URL(string: "https://county.example/a.jpg")!)])?.code == .badArgument)
    #expect(try await store.status().records == 0)
    #expect(await fails(incident, id: "0190a000-0000-4000-8000-000000000001")?.field == "/id")
    let id = try await store.newID()
    let saved = try await store.capture(incident, id: id)
    #expect(saved.id == id)
    #expect(try await store.capture(incident, id: id) == saved)
    #expect(await fails(Incident(category: "road", text: "二"), id: id)?.code == .idConflict)
    let wrongKey = await failure { () throws(JuluError) in
      _ = try await JuluStore.open(at: Folder().url, key: StoreKey(Data([1, 2, 3])))
    }
    #expect(wrongKey?.code == .badArgument && wrongKey?.field == "key" || wrongKey?.code == .storeMissing)
  }

  @Test("a document is patched, a step is taken, a photo added, a record removed")
  func edits() async throws {
    let store = try await Phone().open()
    let house = try await store.capture(Household(address: "堤村 1 号", phone: "13800000000"))
    _ = try await store.patch(house.id, ["phone": nil, "rooms_later": 3])
    let body = try await store.get(house.id)?.body(as: Household.self)
    #expect(body?.phone == nil && body?.other == ["rooms_later": 3])
    _ = try await store.attach([.far(Place.photo("wall-04"))], to: house.id)
    #expect(try await store.get(house.id)?.photos.count == 1)
    _ = try await store.remove(house.id)
    #expect(try await store.get(house.id)?.isDeleted == true)
    let incident = try await store.capture(Incident(category: "road", text: "一"))
    let step = await failure { () throws(JuluError) in _ = try await store.act(incident.id, "rate") }
    #expect(step?.code == .stepNotAllowed && step?.field == "/action")
    #expect(await failure { () throws(JuluError) in try await store.resend("none") }?.field == "/id")
    #expect(await failure { () throws(JuluError) in try await store.giveUp("none") }?.field == "/id")
    #expect(try await store.conflicts().isEmpty)
  }

  @Test("after suspend the file is let go of, and resume asks for the key again")
  func suspend() async throws {
    let phone = try await Phone()
    let asked = Mutex(0), isLocked = Mutex(false)
    struct Locked: Error {}
    let bytes = Data((0..<32).map { UInt8($0) })
    let isEncrypted = Place.variable("JULU_CIPHER") != "0"
    let key: StoreKey = !isEncrypted ? .unencrypted : StoreKey(from: {
      asked.withLock { $0 += 1 }
      return isLocked.withLock { $0 } ? nil : bytes
    })
    let store = try await JuluStore.open(at: phone.device.directory, key: key)
    try await store.suspend()
    #expect(await failure { () throws(JuluError) in _ = try await store.status() }?.code == .suspended)
    if isEncrypted {
      isLocked.withLock { $0 = true }
      let notNow = await failure { () throws(JuluError) in try await store.resume() }
      #expect(notNow?.code == .locked && notNow?.isRetryable == true && notNow?.underlying == nil)
      isLocked.withLock { $0 = false }
    }
    if isEncrypted {
      let throwing = StoreKey(from: { throw Locked() })
      let opened = await failure { () throws(JuluError) in
        _ = try await JuluStore.open(at: phone.device.directory, key: throwing)
      }
      #expect(opened == JuluError(.badArgument, field: "key", detail: "-1") && opened?.underlying is Locked)
    }
    try await store.resume()
    #expect(try await store.status().records == 0)
    if isEncrypted { #expect(asked.withLock { $0 } == 3) }
  }

  @Test("a time that is too long for milliseconds is as long as it can be", .timeLimit(.minutes(1)))
  func longTimes() async throws {
    #expect(milliseconds(.seconds(Int64.max)) == .max && milliseconds(.seconds(Int64.min)) == .min)
    #expect(milliseconds(.milliseconds(-1500)) == -1500 && milliseconds(.nanoseconds(1_999_999)) == 1)
    #expect(milliseconds(Date(timeIntervalSince1970: .infinity)) == .max)
    let store = try await Phone().open()
    _ = try await store.capture(Incident(category: "road", text: "一"))
    try await store.maintain(for: .seconds(Int64.max))
    #expect(try await store.sync().run(for: .seconds(Int64.max)).end == .allDelivered)
  }

  @Test("log lines come to the sink until it is taken away")
  func log() async throws {
    let lines = Mutex<[String]>([])
    setLog { _, line in
      _ = liveHandles  // it may call the library
      lines.withLock { $0.append(line) }
    }
    let store = try await Phone().open()
    _ = try await store.sync().run(for: .seconds(20))
    setLog(nil)
    let told = lines.withLock { $0.count }
    #expect(told > 0)
    _ = try await store.sync().run(for: .seconds(20))
    #expect(lines.withLock { $0.count } == told)
  }
}
