// The header compiles as C++, and smart pointers can own handles.

#include <capbuf.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

struct Free {
    void operator()(capbuf_registry *it) const { capbuf_registry_free(it); }
    void operator()(capbuf_buffer *it) const { capbuf_buffer_free(it); }
    void operator()(capbuf_writer *it) const { capbuf_writer_free(it); }
};

template <typename T> using Owned = std::unique_ptr<T, Free>;

int main() {
    capbuf_registry *opened = nullptr;
    if (capbuf_registry_private(nullptr, &opened, nullptr) != CAPBUF_OK) {
        return 1;
    }
    const Owned<capbuf_registry> registry(opened);
    capbuf_spec spec{};
    spec.struct_size = sizeof spec;
    spec.length_frames = 48000;
    spec.sample_rate_hz = 48000;
    spec.channels = 2;
    spec.sample_format = CAPBUF_FORMAT_F32;

    // 16 threads race for one source: exactly one ring is allocated.
    std::vector<std::thread> threads;
    std::vector<std::uint64_t> ids(16);
    for (auto &id : ids) {
        threads.emplace_back([&] {
            capbuf_buffer *buffer = nullptr;
            const std::string source = "race";
            if (capbuf_registry_get_or_allocate(registry.get(), source.data(), source.size(), &spec, &buffer, nullptr) ==
                CAPBUF_OK) {
                const Owned<capbuf_buffer> owned(buffer);
                capbuf_buffer_id(buffer, &id, nullptr);
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    capbuf_registry_stats stats{};
    stats.struct_size = sizeof stats;
    capbuf_registry_get_stats(registry.get(), &stats, nullptr);
    for (const auto id : ids) {
        if (id == 0 || id != ids[0] || stats.rings_allocated != 1) {
            std::fprintf(stderr, "%llu rings\n", static_cast<unsigned long long>(stats.rings_allocated));
            return 1;
        }
    }

    capbuf_buffer *found = nullptr;
    capbuf_registry_get(registry.get(), "race", 4, &found, nullptr);
    const Owned<capbuf_buffer> buffer(found);
    capbuf_writer *taken = nullptr;
    if (capbuf_buffer_writer(buffer.get(), &taken, nullptr) != CAPBUF_OK) {
        return 1;
    }
    const Owned<capbuf_writer> writer(taken);
    const std::vector<float> chunk(960, 0.5F);
    if (capbuf_writer_write(writer.get(), chunk.data(), chunk.size(), CAPBUF_FORMAT_F32, CAPBUF_TIME_NOW, nullptr) !=
        CAPBUF_OK) {
        return 1;
    }
    std::vector<float> read(960);
    capbuf_span span{};
    span.kind = CAPBUF_SPAN_FRAMES;
    span.end = 480;
    const auto status = capbuf_buffer_read(buffer.get(), &span, nullptr, read.data(), read.size(), nullptr, nullptr);
    if (status != CAPBUF_OK || read != chunk) {
        return 1;
    }
    std::puts("ok");
    return 0;
}
