// SPDX-License-Identifier: Apache-2.0
//
// What the spawner and a template say to each other (docs/templates.md has the table). Sans-I/O.
//
// One record (record.h) is one packet. The template's side is written by the application's own process: every
// text is bounded here, and what does not decode ends the template.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "spawner/protocol.h"

namespace remuda::spawner {

constexpr uint16_t kTemplateProtocolVersion = 1;
constexpr size_t kMaxTemplateText = 4096;
// A Fork that is longer is not asked for.
constexpr size_t kMaxFork = 192 * 1024;
// A packet of a template: the longest record, and one byte that tells a longer one.
constexpr size_t kTemplatePacketRoom = 8 + 8 + 4 + 2 + kMaxTemplateText + 1;

// Spawner to template: a process is wanted. With its three standard descriptors.
struct Fork {
  uint64_t id = 0;
  std::string_view directory;    // empty: the template's own
  std::string_view program;      // empty: the template's own
  std::string_view environment;  // "NAME=value\0" one after the other
};

struct LoadStep {
  int64_t at = 0;  // CLOCK_MONOTONIC, ns
  std::string_view what;
};

struct Warning {
  std::string_view what;
};

struct Ready {
  int64_t at = 0;
};

struct Unfit {
  std::string_view why;
};

struct Changed {
  std::string_view path;
};

struct Refused {
  uint64_t id = 0;
  int32_t error = 0;
  std::string_view why;
};

// Said by the new process: the kernel's credentials tell its process id.
struct Forked {
  uint64_t id = 0;
};

struct Ended {
  pid_t pid = 0;
  int32_t status = 0;
  Usage usage;
};

using TemplateRecord = std::variant<LoadStep, Warning, Ready, Unfit, Changed, Refused, Forked, Ended>;

void encode(const Fork& fork, std::vector<std::byte>& packet);
// `environment`: ends in a null pointer.
void encode_fork(uint64_t id, char* const* environment, std::vector<std::byte>& packet);
void encode(const TemplateRecord& record, std::vector<std::byte>& packet);

// The whole packet is one record, or nothing. Views point into it.
std::optional<Fork> decode_fork(std::span<const std::byte> packet);
std::optional<TemplateRecord> decode_template(std::span<const std::byte> packet);

}  // namespace remuda::spawner
