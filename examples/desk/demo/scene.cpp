#include "scene.h"

#include <array>

#include <julu/id.h>

namespace julu::demo {
namespace {

using Json = nlohmann::json;

constexpr int kHouseholds = 6, kPeople = 20, kVisits = 15, kIncidents = 12;
constexpr const char* kFamilies[kHouseholds] = {"张", "王", "李", "赵", "刘", "陈"};
constexpr const char* kGivenNames[] = {"示例一", "示例二", "示例三", "示例四"};
constexpr const char* kPurposes[] = {"routine", "census", "care", "safety", "publicity"};
constexpr const char* kVisitTexts[] = {"家中一切正常", "核对常住人口", "老人身体尚好，已提醒添衣",
                                       "检查用电和燃气，无隐患", "宣传防火和反诈"};
constexpr const char* kRelations[] = {"02", "10", "22", "32"};

struct Finding {
  const char* category;
  const char* text;
  const char* urgency;
};
constexpr Finding kFindings[kIncidents] = {
    {"drainage", "村东头排水沟堵了", "normal"},
    {"road", "主街路面坑洼，雨后积水", "normal"},
    {"environment", "村口垃圾堆放未清运", "normal"},
    {"safety", "小学旁围墙倾斜", "emergency"},
    {"safety", "电线垂落到路面上方", "urgent"},
    {"road", "十字路口井盖缺失", "urgent"},
    {"livelihood", "大风刮倒树木，堵住胡同", "normal"},
    {"drainage", "村西排水沟淤泥过高", "normal"},
    {"road", "乡道边坡塌陷", "urgent"},
    {"environment", "河边有人倾倒建筑垃圾", "normal"},
    {"public_service", "村卫生室门前台阶破损", "normal"},
    {"other", "路灯连续三晚不亮", "normal"},
};

std::string new_id() { return make_id(system_clock(), system_random()).text(); }

// GB 11643: 17 digits and the check character. Birth years around 1900 and serials of 0: plainly nobody's.
std::string fictional_id_number(int serial) {
  constexpr int kWeights[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  const std::string number = std::to_string(serial);
  const std::string digits = "13052919000101" + std::string(3 - number.size(), '0') + number;
  int sum = 0;
  for (std::size_t i = 0; i < 17; ++i) sum += (digits[i] - '0') * kWeights[i];
  return digits + "10X98765432"[sum % 11];
}

Task task(const char* kind, Json body) { return Task{kind, new_id(), std::move(body), {}}; }

}  // namespace

std::vector<Task> morning(const std::vector<std::string>& photo_files) {
  std::vector<Task> tasks;
  std::array<std::string, kHouseholds> households;
  for (std::size_t i = 0; i < kHouseholds; ++i) {
    const std::string number = std::to_string(i + 1);
    tasks.push_back(task("household", {{"address", "堤村乡示范村 " + number + " 号"},
                                       {"head_name", std::string(kFamilies[i]) + "示例一"},
                                       {"household_no", "00000" + number},
                                       {"phone", "1380000000" + number},
                                       {"house", {{"use", "01"}, {"rooms", 4 + static_cast<int>(i)}}}}));
    households[i] = tasks.back().id;
  }
  for (std::size_t i = 0; i < kPeople; ++i) {
    const std::size_t home = i % kHouseholds, place = i / kHouseholds;
    tasks.push_back(task("person", {{"household", households[home]},
                                    {"name", std::string(kFamilies[home]) + kGivenNames[place]},
                                    {"id_number", fictional_id_number(static_cast<int>(i) + 1)},
                                    {"relation_to_head", kRelations[place]},
                                    {"ethnicity", "01"}}));
  }
  for (std::size_t i = 0; i < kVisits; ++i) {
    tasks.push_back(task("visit", {{"household", households[i % kHouseholds]},
                                   {"purpose", kPurposes[i % std::size(kPurposes)]},
                                   {"text", kVisitTexts[i % std::size(kVisitTexts)]}}));
  }
  const std::size_t first_incident = tasks.size();
  for (const Finding& finding : kFindings) {
    tasks.push_back(task("incident", {{"category", finding.category},
                                      {"text", finding.text},
                                      {"urgency", finding.urgency},
                                      {"place", {{"text", "堤村乡示范村"}}}}));
  }
  for (std::size_t i = 0; i < photo_files.size(); ++i) {
    Task& incident = tasks[first_incident + i % kIncidents];
    incident.photos.push_back((incident.photos.empty()       ? "near="
                               : incident.photos.size() == 1 ? "far="
                                                             : "reference=") +
                              photo_files[i]);
  }
  return tasks;
}

}  // namespace julu::demo
