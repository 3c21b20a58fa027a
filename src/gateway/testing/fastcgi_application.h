// SPDX-License-Identifier: Apache-2.0
//
// The application's side of FastCGI for tests: records read and written in their plainest form.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "loop/loop.h"

namespace remuda::gateway::testing {

struct Record {
  int type = 0;
  int request = 0;
  std::string content;
};

inline std::string record(int type, int request, std::string_view content) {
  const auto octet = [](size_t number) { return static_cast<char>(number & 0xff); };
  std::string bytes = {1,
                       octet(static_cast<size_t>(type)),
                       octet(static_cast<size_t>(request) >> 8),
                       octet(static_cast<size_t>(request)),
                       octet(content.size() >> 8),
                       octet(content.size()),
                       0,
                       0};
  bytes.append(content);
  return bytes;
}
inline std::string output(int request, std::string_view content) { return record(6, request, content); }
inline std::string end_request(int request, char status = 0, char app_status = 0) {
  const std::string body = {0, 0, 0, app_status, status, 0, 0, 0};
  return record(3, request, body);
}
inline std::string whole_answer(int request, std::string_view content) {
  return output(request, content) + end_request(request);
}

// Takes the whole records off the front.
inline std::vector<Record> take_records(std::string& bytes) {
  std::vector<Record> records;
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  while (bytes.size() >= 8) {
    const size_t content = static_cast<size_t>(at(4) << 8 | at(5));
    const size_t size = 8 + content + at(6);
    if (bytes.size() < size) break;
    records.push_back({at(1), at(2) << 8 | at(3), bytes.substr(8, content)});
    bytes.erase(0, size);
  }
  return records;
}
inline std::vector<Record> read_records(std::string bytes) { return take_records(bytes); }

// "1:1 4:1 4:1 5:1": type and request of each.
inline std::string outline(const std::string& bytes) {
  std::string text;
  for (const Record& each : read_records(bytes))
    text += (text.empty() ? "" : " ") + std::to_string(each.type) + ":" + std::to_string(each.request);
  return text;
}

// A story that serves one connection: each request, when its STDIN has ended, is answered with what `reply`
// makes of its body. Ends with the connection.
inline loop::Task<void> serve_fastcgi(loop::Loop& loop, int socket,
                                      std::function<std::string(int request, std::string body)> reply) {
  loop::LoopFd holder(loop, base::Fd(socket));
  std::string bytes;
  std::map<int, std::string> bodies;
  std::array<std::byte, 4096> room;
  while (true) {
    const auto got = co_await loop.receive(socket, room, loop::kNever);
    if (!got || *got == 0) co_return;
    bytes.append(reinterpret_cast<const char*>(room.data()), *got);
    for (const Record& each : take_records(bytes)) {
      if (each.type == 5) bodies[each.request] += each.content;
      const bool ends = (each.type == 5 && each.content.empty()) || each.type == 2;
      std::string answer = each.type == 9 ? record(10, 0, "") : "";
      if (ends)
        answer = each.type == 2 ? end_request(each.request) : reply(each.request, bodies[each.request]);
      if (ends) bodies.erase(each.request);
      while (!answer.empty()) {
        iovec piece{answer.data(), answer.size()};
        const msghdr message{.msg_iov = &piece, .msg_iovlen = 1};
        const auto sent = co_await loop.send_message(socket, message, 0, loop::kNever);
        if (!sent) co_return;
        answer.erase(0, *sent);
      }
    }
  }
}

}  // namespace remuda::gateway::testing
