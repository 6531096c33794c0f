import Foundation
import Testing

@testable import Julu

@Suite("The smallest shell")
struct ExampleTests {
  @Test("examples/swift does the main job against a platform")
  func mainJob() throws {
    let (_, code) = try Platform.shared.code()
    let folder = Folder()
    var arguments = [Platform.shared.url.absoluteString, code, folder.url.path, "村东头排水沟堵了"]
    arguments += ["ditch-01", "ditch-08"].map { Place.photo($0).path }
    let environment = Place.variable("JULU_CIPHER") == "0" ? ["JULU_UNENCRYPTED": "1"] : [:]
    let done = try run(Place.variable("JULU_REPORT_BIN"), arguments, environment: environment)
    #expect(done.status == 0 && done.errors == "")
    #expect(done.output.contains("已送达 1 条，照片 2 张"))
    let other = Folder()
    arguments[1...2] = ["0000-0000-0000", other.url.path]
    let refused = try run(Place.variable("JULU_REPORT_BIN"), arguments, environment: environment)
    #expect(refused.status == 1 && refused.output == "" && refused.errors.contains("激活码"))
  }
}
