#include <julu/receipt.h>

namespace julu {

// The members stand in RFC 8785 order. Device ids, hashes and op ids hold no character that JSON escapes; a device id
// that does is refused at enrolment.
std::string signed_text(std::string_view device_id, const Receipt& receipt, const std::vector<ReceiptItem>& items) {
  std::string text;
  text.reserve(128 + items.size() * 130);
  text.append(R"({"device":")").append(device_id).append(R"(","epoch":)").append(std::to_string(receipt.epoch));
  text.append(R"(,"items":[)");
  bool first = true;
  for (const ReceiptItem& item : items) {
    if (!first) text += ',';
    first = false;
    text.append("[\"").append(item.op_id.text()).append("\",\"").append(hex(item.hash)).append("\",");
    text.append(std::to_string(item.version)).append("]");
  }
  text.append(R"(],"server_time_ms":)").append(std::to_string(receipt.server_time_ms)).append("}");
  return text;
}

Result<void> verify(const Receipt& receipt, std::string_view device_id, const std::vector<ReceiptItem>& items,
                    const ReceiptKey& key) {
  const bool in_time = receipt.server_time_ms >= key.not_before_ms &&
                       (key.not_after_ms == 0 || receipt.server_time_ms < key.not_after_ms);
  if (receipt.key_id != key.key_id || !in_time) return Error{ErrorCode::receipt_invalid, "/receipt/key_id", {}};
  if (!verify(key.key, signed_text(device_id, receipt, items), receipt.signature)) {
    return Error{ErrorCode::receipt_invalid, "/receipt/sig", {}};
  }
  return {};
}

}  // namespace julu
