// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/keeping.h"

#include <utility>

#include "spawner/channel.h"
#include "spawner/record.h"

namespace remuda::spawner {

namespace {

constexpr size_t kNoticeRoom = 4096;

std::optional<Notice> read_keep(Reader& reader) {
  Keep keep;
  keep.pid = reader.take<pid_t>();
  keep.app = reader.take<uint32_t>();
  keep.place = reader.take<int32_t>();
  keep.channel = reader.take<uint64_t>();
  keep.id = reader.take<uint64_t>();
  keep.times = reader.take_times();
  keep.label = reader.take_text(kMaxLabel);
  if (!reader.good() || keep.pid <= 1) return std::nullopt;
  return keep;
}

}  // namespace

void encode(const NewChannel& channel, std::vector<std::byte>& packet) {
  Writer(Kind::kNewChannel, packet).put(channel.serial).put(channel.place).finish();
}

void encode(const Keep& keep, std::vector<std::byte>& packet) {
  Writer(Kind::kKeep, packet)
      .put(keep.pid)
      .put(keep.app)
      .put(keep.place)
      .put(keep.channel)
      .put(keep.id)
      .put(keep.times)
      .put_text(keep.label)
      .finish();
}

void encode(const Forget& forget, std::vector<std::byte>& packet) {
  Writer(Kind::kForget, packet).put(forget.pid).finish();
}

std::optional<NewChannel> decode_new_channel(std::span<const std::byte> packet) {
  const auto record = take_record(packet);
  if (!record || record->kind != Kind::kNewChannel || !packet.empty()) return std::nullopt;
  Reader reader(record->fields);
  NewChannel channel;
  channel.serial = reader.take<uint64_t>();
  channel.place = reader.take<int32_t>();
  if (!reader.good() || channel.place < kNoPlace) return std::nullopt;
  return channel;
}

std::optional<Notice> decode_notice(std::span<const std::byte> packet) {
  const auto record = take_record(packet);
  if (!record || !packet.empty()) return std::nullopt;
  Reader reader(record->fields);
  if (record->kind == Kind::kKeep) return read_keep(reader);
  if (record->kind != Kind::kForget) return std::nullopt;
  const Forget forget{reader.take<pid_t>()};
  if (!reader.good()) return std::nullopt;
  return forget;
}

bool KeptInstances::receive(int control) {
  std::array<std::byte, kNoticeRoom> room;
  bool reset = false;
  while (true) {
    Received received;
    const Reception reception = receive_packet(control, room, received);
    if (reception == Reception::kNothing) return true;
    // A spawner that had not read everything resets the socket: what it said comes after that error.
    if (reception == Reception::kEnd && std::exchange(reset, true)) return false;
    if (reception == Reception::kEnd) continue;
    const auto notice = decode_notice(received.packet);
    if (!notice) return false;
    if (const auto* const forgotten = std::get_if<Forget>(&*notice)) {
      kept_.erase(forgotten->pid);
      continue;
    }
    // Without its descriptors (this process has none left) it ends with the spawner.
    if (received.descriptor_count != 2) continue;
    const auto& keep = std::get<Keep>(*notice);
    kept_[keep.pid] = {.keep = keep,
                       .label = std::string(keep.label),
                       .pidfd = std::move(received.descriptors[0]),
                       .errors = std::move(received.descriptors[1])};
  }
}

std::vector<Inheritance> KeptInstances::all() const {
  std::vector<Inheritance> result;
  for (const auto& [pid, kept] : kept_) {
    Inheritance& last = result.emplace_back(Inheritance{kept.keep, kept.pidfd.get(), kept.errors.get()});
    last.keep.label = kept.label;
  }
  return result;
}

}  // namespace remuda::spawner
