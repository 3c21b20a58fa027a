// SPDX-License-Identifier: Apache-2.0
//
// What the tests of this folder share: records as a server writes them, reading what an application wrote,
// and memory that is refused at will (the library's calls of malloc and realloc come here, nobody else's).
#pragma once

#include <stdint.h>
#include <string.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "record.h"

namespace remuda::app::testing {

std::string record(RecordType type, uint16_t id, std::string_view content, uint8_t padding = 0);
std::string begin(uint16_t id, Role role = Role::kResponder, bool keep = true);
std::string pair(std::string_view name, std::string_view value);
using Variables = std::vector<std::pair<std::string, std::string>>;
std::string pairs(const Variables& variables);
// A stream: records of at most `most` bytes of content, and its end.
std::string stream(RecordType type, uint16_t id, std::string_view content, size_t most = kMostContent);
std::string request(uint16_t id, const Variables& variables, std::string_view body = {}, bool keep = true);

// What one request was answered.
struct Answer {
  std::string output;
  std::string log;
  bool output_ended = false;
  bool ended = false;
  uint32_t status = 0;
  uint8_t protocol = 0;
};

// Reads what the application writes, in any pieces.
class Answers {
 public:
  void feed(std::string_view bytes);
  Answer& operator[](uint16_t id) { return by_id[id]; }
  size_t ended() const;

  std::map<uint16_t, Answer> by_id;
  std::vector<std::pair<RecordType, std::string>> management;
  std::vector<std::pair<RecordType, uint16_t>> order;  // of records
  std::string fault;                                   // of the application; empty: none

 private:
  void take(const RecordHeader& header, std::string content);
  std::string rest_;
};

// The n-th request for memory from now on fails, and all that follow; SIZE_MAX: none. Counted from
// refuse_memory() on.
void refuse_memory(size_t after);
size_t memory_requests();

}  // namespace remuda::app::testing
