// SPDX-License-Identifier: Apache-2.0
//
// One reader and one writer for each kind of record.
#include "spawner/template_protocol.h"

#include <cstring>

#include "spawner/record.h"

namespace remuda::spawner {

namespace {

enum class TemplateKind : uint16_t {
  kFork = 1,
  kStep = 16,
  kWarning = 17,
  kReady = 18,
  kUnfit = 19,
  kChanged = 20,
  kRefused = 21,
  kForked = 22,
  kEnded = 23,
};

Writer writer(TemplateKind kind, std::vector<std::byte>& packet) {
  return Writer(kind, packet, kTemplateProtocolVersion);
}

std::string_view cut(std::string_view text) { return text.substr(0, kMaxTemplateText); }

struct TemplateEncoder {
  std::vector<std::byte>& packet;

  void operator()(const LoadStep& step) const {
    writer(TemplateKind::kStep, packet).put(step.at).put_text(cut(step.what)).finish();
  }
  void operator()(const Warning& warning) const {
    writer(TemplateKind::kWarning, packet).put_text(cut(warning.what)).finish();
  }
  void operator()(const Ready& ready) const { writer(TemplateKind::kReady, packet).put(ready.at).finish(); }
  void operator()(const Unfit& unfit) const {
    writer(TemplateKind::kUnfit, packet).put_text(cut(unfit.why)).finish();
  }
  void operator()(const Changed& changed) const {
    writer(TemplateKind::kChanged, packet).put_text(cut(changed.path)).finish();
  }
  void operator()(const Refused& refused) const {
    writer(TemplateKind::kRefused, packet)
        .put(refused.id)
        .put(refused.error)
        .put_text(cut(refused.why))
        .finish();
  }
  void operator()(const Forked& forked) const {
    writer(TemplateKind::kForked, packet).put(forked.id).finish();
  }
  void operator()(const Ended& ended) const {
    writer(TemplateKind::kEnded, packet)
        .put(ended.pid)
        .put(ended.status)
        .put(ended.usage.user_us)
        .put(ended.usage.system_us)
        .put(ended.usage.max_resident_kib)
        .finish();
  }
};

Refused read_refused(Reader& reader) {
  Refused refused;
  refused.id = reader.take<uint64_t>();
  refused.error = reader.take<int32_t>();
  refused.why = reader.take_text(kMaxTemplateText);
  return refused;
}

LoadStep read_step(Reader& reader) {
  LoadStep step;
  step.at = reader.take<int64_t>();
  step.what = reader.take_text(kMaxTemplateText);
  return step;
}

Ended read_ended(Reader& reader) {
  Ended ended;
  ended.pid = reader.take<pid_t>();
  ended.status = reader.take<int32_t>();
  ended.usage.user_us = reader.take<int64_t>();
  ended.usage.system_us = reader.take<int64_t>();
  ended.usage.max_resident_kib = reader.take<int64_t>();
  return ended;
}

std::optional<TemplateRecord> read(TemplateKind kind, Reader& reader) {
  switch (kind) {
    case TemplateKind::kStep: return read_step(reader);
    case TemplateKind::kWarning: return Warning{reader.take_text(kMaxTemplateText)};
    case TemplateKind::kReady: return Ready{reader.take<int64_t>()};
    case TemplateKind::kUnfit: return Unfit{reader.take_text(kMaxTemplateText)};
    case TemplateKind::kChanged: return Changed{reader.take_text(kMaxTemplateText)};
    case TemplateKind::kRefused: return read_refused(reader);
    case TemplateKind::kForked: return Forked{reader.take<uint64_t>()};
    case TemplateKind::kEnded: return read_ended(reader);
    case TemplateKind::kFork: break;
  }
  return std::nullopt;
}

}  // namespace

void encode(const Fork& fork, std::vector<std::byte>& packet) {
  writer(TemplateKind::kFork, packet)
      .put(fork.id)
      .put_text(fork.directory)
      .put_text(fork.program)
      .put_bytes(fork.environment.data(), fork.environment.size())
      .finish();
}

void encode_fork(uint64_t id, char* const* environment, std::vector<std::byte>& packet) {
  Writer fork = writer(TemplateKind::kFork, packet);
  fork.put(id).put_text({}).put_text({});
  for (; *environment != nullptr; ++environment) fork.put_bytes(*environment, std::strlen(*environment) + 1);
  fork.finish();
}

void encode(const TemplateRecord& record, std::vector<std::byte>& packet) {
  std::visit(TemplateEncoder{packet}, record);
}

std::optional<Fork> decode_fork(std::span<const std::byte> packet) {
  const auto record = take_record<TemplateKind>(packet, kTemplateProtocolVersion);
  if (!record || record->kind != TemplateKind::kFork || !packet.empty()) return std::nullopt;
  Reader reader(record->fields);
  Fork fork;
  fork.id = reader.take<uint64_t>();
  fork.directory = reader.take_text(kMaxProgram);
  fork.program = reader.take_text(kMaxProgram);
  fork.environment = reader.take_rest();
  if (!reader.good()) return std::nullopt;
  if (!fork.environment.empty() && fork.environment.back() != '\0') return std::nullopt;
  return fork;
}

std::optional<TemplateRecord> decode_template(std::span<const std::byte> packet) {
  const auto record = take_record<TemplateKind>(packet, kTemplateProtocolVersion);
  if (!record || !packet.empty()) return std::nullopt;
  Reader reader(record->fields);
  const auto decoded = read(record->kind, reader);
  return reader.good() ? decoded : std::nullopt;
}

}  // namespace remuda::spawner
