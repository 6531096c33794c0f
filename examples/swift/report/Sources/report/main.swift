// The smallest shell: enrols a phone, saves one report with its photos, sends it and shows what the county said.
//
//   report http://127.0.0.1:8080 7F3K-92QM-X4HT FOLDER "村东头排水沟堵了" near.jpg far.jpg …
import Foundation
import Julu

/// A real shell leaves this to the phone's keystore.
func key(in folder: URL) throws -> StoreKey {
  if ProcessInfo.processInfo.environment["JULU_UNENCRYPTED"] != nil { return .unencrypted }
  let file = folder.appendingPathComponent("key")
  if let kept = try? Data(contentsOf: file) { return StoreKey(kept) }
  let made = Data((0..<32).map { _ in UInt8.random(in: .min ... .max) })
  try made.write(to: file, options: .withoutOverwriting)
  try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
  return StoreKey(made)
}

func report(_ platform: URL, _ code: String, _ folder: URL, _ text: String, _ photos: [URL]) async throws {
  let key = try key(in: folder)
  let directory: URL
  if let enrolled = try await Julu.enrolments(in: folder).first {
    directory = enrolled.directory
  } else {
    // Running this program is the consent that the library asks for before any network.
    let device = try await Julu.enrol(
      platform: platform, code: code, root: folder, key: key, consent: .given(at: .now))
    print("已登记：\(device.identity.name) \(device.identity.worker)")
    directory = device.directory
  }

  let store = try await JuluStore.open(at: directory, key: key)
  let roles: [PhotoRole] = [.near, .far, .reference]
  let saved = try await store.capture(
    Incident(category: "drainage", text: text),
    photos: photos.enumerated().map { Photo(.file($1), role: roles[min($0, roles.count - 1)]) })
  print("已保存  事件 \(try await store.shortID(of: saved.id))  照片 \(saved.photos.count) 张")

  let outcome = try await store.sync(with: platform).run(for: .seconds(30))
  guard let record = try await store.get(saved.id) else { return }
  switch record.delivery {
  case .delivered: print("已送达 1 条，照片 \(record.photos.count) 张，均有平台回执")
  case .parked: print("平台未接受：\(record.problemText)")
  default: print(outcome.failure?.message() ?? "还有 \(outcome.opsLeft) 条未上传，稍后自动重试")
  }
}

let words = Array(CommandLine.arguments.dropFirst())
guard words.count >= 4, let platform = URL(string: words[0]) else {
  FileHandle.standardError.write(Data("report 平台地址 激活码 文件夹 情况描述 [照片.jpg …]\n".utf8))
  exit(2)
}
do {
  let folder = URL(fileURLWithPath: words[2], isDirectory: true)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  try await report(platform, words[1], folder, words[3], words[4...].map { URL(fileURLWithPath: $0) })
} catch {
  FileHandle.standardError.write(Data("\(error.localizedDescription)\n".utf8))
  exit(1)
}
