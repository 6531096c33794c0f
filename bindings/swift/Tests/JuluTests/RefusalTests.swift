import CJulu
import Foundation
import Testing

@testable import Julu

/// What waits for a person: what the platform refused, and what two phones wrote at once.
@Suite("What waits for a person", .nothingStaysOpen)
struct RefusalTests {
  @Test("what the platform refused is shown with its reason, and goes again or is given up")
  func refused() async throws {
    let phone = try await Phone()
    let store = try await phone.open()
    let sync = try await store.sync()
    let elsewhere = Household(address: "外村 1 号", grid: "130529999999001")
    let (again, givenUp) = (try await store.capture(elsewhere).id, try await store.capture(elsewhere).id)
    #expect(try await sync.run(for: .seconds(60)).opsParked == 2)
    #expect(try await store.status().parkedOps == 2)
    let refused = try #require(try await store.get(again))
    #expect(refused.delivery == .parked && refused.problem?.code == .scope && refused.problem?.field == "/grid")
    #expect(refused.problem?.detail == "scope")
    #expect(refused.problemText == "不在负责范围内")
    #expect(try await store.list(Filter(delivery: .parked)).count == 2)

    try await store.giveUp(givenUp)
    #expect(try await store.get(givenUp)?.isDeleted == true)
    #expect(try await store.status().parkedOps == 1)
    try Platform.shared.give(phone.worker, grid: "130529")
    try await store.resend(again)
    #expect(try await sync.run(for: .seconds(60)).end == .allDelivered)
    let sent = try #require(try await store.get(again))
    #expect(sent.delivery == .delivered && sent.problem == nil)
    let held = try Platform.shared.dump("record").compactMap { $0["id"]?.string }
    #expect(held.contains(again) && !held.contains(givenUp))
  }

  @Test("two phones write one field, and a person chooses")
  func conflict() async throws {
    let (first, second) = (try await Phone().open(), try await Phone().open())
    let (ofFirst, ofSecond) = (try await first.sync(), try await second.sync())
    let id = try await first.capture(Household(address: "堤村 1 号")).id
    _ = try await (ofFirst.run(for: .seconds(60)), ofSecond.run(for: .seconds(60)))
    _ = try await first.patch(id, ["address": "甲"])
    _ = try await second.patch(id, ["address": "乙"])
    _ = try await (ofFirst.run(for: .seconds(60)), ofSecond.run(for: .seconds(60)))
    #expect(try await second.status().conflicts == 1)
    #expect(try await second.get(id)?.isInConflict == true)
    let conflicts = try await second.conflicts()
    let conflict = try #require(conflicts.first)
    #expect(conflicts.count == 1 && conflict.record == id && conflict.field == "/address")
    #expect(conflict.base == "堤村 1 号" && conflict.local == "乙" && conflict.remote == "甲")
    #expect(conflict.at > Date(timeIntervalSince1970: 0))

    try await second.resolve(id, field: conflict.field, value: conflict.local)
    #expect(try await second.conflicts().isEmpty)
    #expect(try await ofSecond.run(for: .seconds(60)).end == .allDelivered)
    _ = try await ofFirst.run(for: .seconds(60))
    #expect(try await first.get(id)?.body["address"] == "乙")
  }

  @Test("a status tells of a restored platform and of a full disk")
  func flags() {
    var told = julu_status()
    #expect(!Status(told).isConfirming && !Status(told).isLowOnDisk)
    told.flags = UInt32(JULU_STATUS_CONFIRMING)
    #expect(Status(told).isConfirming && !Status(told).isLowOnDisk)
    told.flags = UInt32(JULU_STATUS_LOW_DISK)
    #expect(!Status(told).isConfirming && Status(told).isLowOnDisk)
  }
}
