#include <julu/error.h>

#include <algorithm>
#include <iterator>

namespace julu {
namespace {

struct Row {
  ErrorCode code;
  std::string_view name;
  bool retryable;
  std::string_view zh;
  std::string_view en;
};

// One row a code: the source of names, sentences and the bindings' tables.
constexpr Row kRows[] = {
    {ErrorCode::ok, "ok", false, "成功。", "Done."},
    {ErrorCode::internal, "internal", false, "程序内部出错，请重新打开应用；已保存的内容不会丢失。",
     "Something is wrong inside the app. Open it again; what was saved is safe."},
    {ErrorCode::bad_argument, "bad_argument", false, "参数不正确，请检查后重试。",
     "An argument is not valid. Correct it and try again."},
    {ErrorCode::cancelled, "cancelled", true, "已停止，已保存的内容不会丢失。", "Stopped. What was saved is safe."},
    {ErrorCode::consent_missing, "consent_missing", false, "尚未同意隐私政策，同意后才能联网。",
     "Consent has not been given yet; nothing goes to the network before."},
    {ErrorCode::closed, "closed", false, "数据库已关闭，请重新打开。", "The store is closed. Open it again."},
    {ErrorCode::locked, "locked", true, "手机尚未解锁，解锁后再试。", "The phone is locked. Unlock it and try again."},
    {ErrorCode::suspended, "suspended", true, "应用在后台，返回应用后再试。",
     "The app is in the background. Come back to it and try again."},
    {ErrorCode::text_encoding, "text_encoding", false, "文字编码有误（不是 UTF-8），请重新输入。",
     "The text is not valid UTF-8. Enter it again."},
    {ErrorCode::json_syntax, "json_syntax", false, "数据格式有误，请检查后重试。",
     "The data is not well-formed JSON. Correct it and try again."},
    {ErrorCode::number_range, "number_range", false, "数字须为整数且不能过大，小数请按规定的单位换算。",
     "Numbers must be whole and within ±(2^53−1). Use the scaled unit for decimals."},
    {ErrorCode::key_not_ascii, "key_not_ascii", false, "字段名只能用英文字母、数字和符号。",
     "Field names must be ASCII and short."},
    {ErrorCode::too_deep, "too_deep", false, "数据嵌套层数过多，请减少层数后重试。",
     "The data is nested too deeply. Flatten it and try again."},
    {ErrorCode::field_missing, "field_missing", false, "还有必填项没有填写。", "A required field is missing."},
    {ErrorCode::field_invalid, "field_invalid", false, "填写的内容不符合要求，请修改。",
     "A field has a value that is not allowed. Correct it."},
    {ErrorCode::field_too_long, "field_too_long", false, "填写的内容过长，请缩短。",
     "A field is too long. Shorten it."},
    {ErrorCode::kind_unknown, "kind_unknown", false, "没有这种记录类型，请先同步。",
     "This kind of record is not known. Sync first."},
    {ErrorCode::codes_unknown, "codes_unknown", false, "没有这个代码表，请先同步。",
     "This code list is not known. Sync first."},
    {ErrorCode::schema_invalid, "schema_invalid", false, "平台下发的表单定义有误，已忽略，请联系管理员。",
     "The record schema breaks the rules and was not taken. Ask for help."},
    {ErrorCode::id_conflict, "id_conflict", false, "这个编号已用于另一条内容不同的记录，请换一个编号。",
     "This id was already used for other content. Save under another one."},
    {ErrorCode::record_unknown, "record_unknown", false, "找不到这条记录，请同步后再找。",
     "There is no such record. Sync, then look again."},
    {ErrorCode::shape_mismatch, "shape_mismatch", false,
     "这种记录不支持此操作，请换一种办法：修改、办理下一步或另记一条。",
     "This kind of record does not allow this operation. Edit it, take its next step or record anew, as its kind has it."},
    {ErrorCode::step_not_allowed, "step_not_allowed", false, "当前状态或您的身份不能办理这一步，请先同步再看。",
     "This step is not allowed in the present state or for your role. Sync, then look again."},
    {ErrorCode::record_deleted, "record_deleted", false, "这条记录已被删除，如仍需要请另记一条。",
     "This record has been deleted. If it is still needed, record it anew."},
    {ErrorCode::photo_missing, "photo_missing", false, "找不到照片文件，请重新选择。",
     "The photo file is not there. Choose it again."},
    {ErrorCode::photo_empty, "photo_empty", false, "照片文件是空的，请重新拍摄。",
     "The photo file is empty. Take it again."},
    {ErrorCode::photo_format, "photo_format", false, "只接受 JPEG 照片，其他格式请先转换。",
     "Only JPEG is taken; the app converts HEIC, PNG and WebP first."},
    {ErrorCode::photo_damaged, "photo_damaged", false, "照片文件已损坏或不完整，请重新拍摄。",
     "The photo is damaged or incomplete. Take it again."},
    {ErrorCode::photo_too_large, "photo_too_large", false, "照片过大，请降低分辨率后重试。",
     "The photo is too large. Lower its resolution."},
    {ErrorCode::photo_unknown, "photo_unknown", false, "找不到这张照片，请同步后再看。",
     "There is no such photo. Sync, then look again."},
    {ErrorCode::store_missing, "store_missing", false, "这台设备尚未登记，请先登记。",
     "There is no store here. Enrol this device first."},
    {ErrorCode::store_key, "store_key", false, "密钥不正确，无法打开数据，请联系管理员；数据没有改动。",
     "The key does not open this store; ask for help. Nothing was changed."},
    {ErrorCode::store_corrupt, "store_corrupt", false,
     "数据文件有损坏，请关闭应用后重新打开，会自动修复；仍然如此请向管理员要激活码重新登记。原文件不会删除。",
     "The data file is damaged. Close the app and open it again: it mends itself. If that does not help, enrol anew with another activation code; the old file is kept."},
    {ErrorCode::store_newer, "store_newer", false, "数据由更新版本的应用写入，请先升级应用；数据没有改动。",
     "The store was written by a newer version. Update the app; nothing was changed."},
    {ErrorCode::disk_full, "disk_full", true, "存储空间不足，请清理空间后再保存一次。",
     "The disk is full. Free some space and save again."},
    {ErrorCode::io, "io", true, "读写存储时出错，请重试。", "Reading or writing the disk failed. Try again."},
    {ErrorCode::permission, "permission", false, "没有访问该文件或目录的权限，请授权或换一个位置。",
     "There is no permission for this file or folder. Grant it or choose another one."},
    {ErrorCode::busy, "busy", true, "数据正被另一个程序占用，请稍后重试。",
     "Another program is using the store. Try again shortly."},
    {ErrorCode::encryption_unavailable, "encryption_unavailable", false,
     "此版本不支持加密，不能打开加密数据，请换用支持加密的版本。",
     "This build has no encryption, so a keyed store cannot be opened. Install one that has."},
    {ErrorCode::store_exists, "store_exists", false, "这里已经有数据，未作改动，请直接打开或换一个位置。",
     "There is a store here already; it was left as it is. Open it or choose another place."},
    {ErrorCode::offline, "offline", true, "平台无应答，稍后自动重试。已保存的内容不会丢失。",
     "The platform does not answer; trying again later. What was saved is safe."},
    {ErrorCode::captive_portal, "captive_portal", true, "当前网络需要先登录（或不是县平台），稍后自动重试。",
     "This network wants a sign-in first, or the answer is not the platform's; trying again later."},
    {ErrorCode::tls, "tls", true, "无法与平台建立安全连接，请检查网络和系统时间。",
     "No secure connection to the platform. Check the network and the clock."},
    {ErrorCode::clock_skew, "clock_skew", true, "手机时间与平台相差过大，请校准时间。",
     "The phone's clock is far off. Set it right."},
    {ErrorCode::sync_in_progress, "sync_in_progress", true, "正在同步中，无需重复操作。",
     "A sync is already under way."},
    {ErrorCode::bad_reply, "bad_reply", true, "平台的应答不符合约定，稍后自动重试。",
     "The platform's answer breaks the protocol; trying again later."},
    {ErrorCode::receipt_invalid, "receipt_invalid", true, "平台回执无法验证，不算送达，稍后自动重试。",
     "The platform's receipt cannot be verified, so nothing counts as delivered; trying again later."},
    {ErrorCode::server, "server", true, "平台出错，稍后自动重试。", "The platform failed; trying again later."},
    {ErrorCode::limited, "limited", true, "平台繁忙，稍后自动重试。", "The platform is busy; trying again later."},
    {ErrorCode::foreign_origin, "foreign_origin", true,
     "平台给出的地址不在允许范围内，已拒绝，稍后自动重试；仍然如此请联系管理员。",
     "The platform named an address that is not allowed; it was refused, trying again later. If it goes on, ask for help."},
    {ErrorCode::unauthorized, "unauthorized", true,
     "平台暂不认可这台设备，请联系乡镇中心；可继续记录，已保存的内容不会丢失。",
     "The platform does not accept this device now. Ask the township; you can go on recording, and what was saved is safe."},
    {ErrorCode::device_refused, "device_refused", false, "这台设备已被停用，可继续记录，请联系管理员。",
     "This device was revoked. You can go on recording; ask the township."},
    {ErrorCode::device_forked, "device_forked", false, "检测到数据被复制或还原，需要重新登记本设备。",
     "The store was copied or restored; this device has to enrol again."},
    {ErrorCode::app_too_old, "app_too_old", false, "应用版本过旧，请升级；可继续记录。",
     "The app is too old to sync. Update it; you can go on recording."},
    {ErrorCode::enrolment_refused, "enrolment_refused", false,
     "激活码无效、已使用或已过期，请向乡镇中心索取新的激活码。",
     "The activation code is unknown, used or expired. Ask the township for a new one."},
    {ErrorCode::scope, "scope", false, "这条记录不在您负责的范围内，请联系网格长。",
     "This record is outside your scope. Ask your grid leader."},
    {ErrorCode::rejected, "rejected", false, "平台未接受，请按原因修改后重新发送。",
     "The platform did not accept it. Correct it as the reason says and send again."},
    {ErrorCode::stale, "stale", false, "平台上的记录已有新的变化，请核对后处理。",
     "The record changed at the platform. Compare and decide."},
    {ErrorCode::held, "held", true, "等待前一步送达后自动发送。", "Waits for an earlier step, then goes by itself."},
    {ErrorCode::replaced, "replaced", false, "已由新的操作代替，无需处理。",
     "Replaced by a newer operation; nothing to do."},
    {ErrorCode::op_id_reused, "op_id_reused", false, "操作编号与平台上的另一内容重复，请重新发送。",
     "The operation's id is taken by other content at the platform. Send it again."},
    {ErrorCode::bytes_missing, "bytes_missing", true, "平台还没有这张照片，将重新上传。",
     "The platform does not hold this photo yet; it is uploaded again."},
    {ErrorCode::too_large, "too_large", false, "内容超过平台允许的大小，请删减内容或缩小照片后重新发送。",
     "Larger than the platform takes. Shorten it or take a smaller photo, and send again."},
};

const Row* find(ErrorCode code) {
  const auto* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.code == code; });
  return row == std::end(kRows) ? nullptr : row;
}

}  // namespace

std::string_view name(ErrorCode code) {
  const Row* row = find(code);
  return row != nullptr ? row->name : "unknown";
}

ErrorCode error_code(std::string_view name) {
  const auto* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.name == name; });
  return row == std::end(kRows) ? ErrorCode::internal : row->code;
}

bool is_retryable(ErrorCode code) {
  const Row* row = find(code);
  return row != nullptr && row->retryable;
}

std::string_view sentence(ErrorCode code, Lang lang) {
  const Row* row = find(code);
  if (row == nullptr) row = find(ErrorCode::internal);
  return lang == Lang::zh ? row->zh : row->en;
}

std::string message(const Error& error, Lang lang) {
  std::string text(sentence(error.code, lang));
  if (error.field.empty()) return text;
  if (error.field == "enrol") {  // which nothing but a person does again
    const bool chinese = lang == Lang::zh;
    const std::string_view later = chinese ? "稍后自动重试" : "trying again later";
    const std::size_t at = text.find(later);
    if (at != std::string::npos) text.replace(at, later.size(), chinese ? "请稍后再登记一次" : "enrol again later");
    return text;
  }
  // Into the first sentence: it says what is wrong, the next one what to do.
  const std::string field = lang == Lang::zh ? "（" + error.field + "）" : " (" + error.field + ")";
  return text.insert(std::min(text.find(lang == Lang::zh ? "。" : "."), text.size()), field);
}

}  // namespace julu
