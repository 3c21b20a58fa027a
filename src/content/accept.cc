// SPDX-License-Identifier: Apache-2.0
//
// Each form looks for the most exact range that covers it; parameters other than q are passed over.
#include "content/accept.h"

#include <array>

#include "base/ascii.h"
#include "content/weight.h"

namespace remuda::content {

namespace {

constexpr std::array<std::string_view, 4> kTypes{"text/plain", "text/html", "application/json",
                                                 "application/problem+json"};

struct Preference {
  int exactness = 0;  // 0: no range covers it; 1: */*, 2: type/*, 3: type/subtype
  int weight = 0;
};

int exactness_of(std::string_view range, std::string_view type) {
  if (base::equal_ignoring_case(range, type)) return 3;
  const std::string_view main = type.substr(0, type.find('/') + 1);
  if (range.size() == main.size() + 1 && range.back() == '*' &&
      base::equal_ignoring_case(range.substr(0, main.size()), main)) {
    return 2;
  }
  return range == "*/*" ? 1 : 0;
}

void consider(std::string_view member, std::array<Preference, kTypes.size()>& preferences) {
  const std::string_view range = base::trim_whitespace(member.substr(0, member.find(';')));
  const int weight = weight_of(member);
  for (size_t i = 0; i < kTypes.size(); ++i) {
    const int exactness = exactness_of(range, kTypes[i]);
    if (exactness > preferences[i].exactness) preferences[i] = {exactness, weight};
  }
}

}  // namespace

PageForm wanted_form(const http::Fields& request) {
  std::array<Preference, kTypes.size()> preferences;
  const http::Field* field = request.first(http::KnownName::kAccept);
  for (; field != nullptr; field = request.next(*field)) {
    std::string_view list = field->value;
    std::string_view member;
    while (base::next_list_member(list, member)) consider(member, preferences);
  }
  size_t best = 0;
  for (size_t i = 1; i < kTypes.size(); ++i) {
    const Preference& a = preferences[i];
    const Preference& b = preferences[best];
    if (a.weight > b.weight || (a.weight == b.weight && a.exactness > b.exactness && a.weight > 0)) best = i;
  }
  return static_cast<PageForm>(best);
}

}  // namespace remuda::content
