// MetricsPage.swift: every metric of the process on one page. Names are vLLM's, so that dashboards, gateways and
// autoscalers read it unchanged. An engine's gauges stand under every endpoint of its model, for scalers look at one
// endpoint at a time; its totals stand once, under the first, for they are summed.
import Engine
import Scheduling

extension Service {
    /// The page in Prometheus' text format.
    public func metricsPage() -> [UInt8] {
        let models = models
        let all = endpoints.all
        let engines = models.flatMap { model in
            let load = model.engine.load()
            let names = all.filter { $0.model == model.id }.map(\.name)
            return (names.isEmpty ? [model.id] : names).enumerated().map { index, name in
                EngineRow(
                    load: load, facts: model.engine.facts, labels: Self.labels(model.id, name),
                    isFirst: index == 0)
            }
        }
        let rows = all.compactMap { endpoint in
            models.first { $0.id == endpoint.model }.map { model in
                let meter = meter(of: endpoint, model: model)
                return EndpointRow(
                    endpoint: endpoint, figures: meter.figures, rates: meter.rates,
                    hint: meter.hint(for: endpoint.scaling), labels: Self.labels(model.id, endpoint.name))
            }
        }
        var text = PrometheusText()
        Self.write(engines, to: &text)
        Self.writeCounters(rows, to: &text)
        Self.writeHistograms(rows, to: &text)
        Self.writeScaling(rows, to: &text)
        httpMeter.write(to: &text)
        return text.bytes
    }

    private struct EngineRow {
        let load: EngineLoad
        let facts: EngineFacts
        let labels: PrometheusText.Labels
        /// Whether it is the first of its model.
        let isFirst: Bool
    }

    private struct EndpointRow {
        let endpoint: Endpoint
        let figures: EndpointMeter.Figures
        let rates: RateWindow.Rates
        let hint: ScalingHint
        let labels: PrometheusText.Labels
    }

    private static func labels(_ model: String, _ endpoint: String) -> PrometheusText.Labels {
        [("model_name", model), ("endpoint", endpoint)]
    }

    private static func write(_ rows: [EngineRow], to text: inout PrometheusText) {
        func gauge(_ name: String, _ help: String, _ value: (EngineLoad) -> Double) {
            text.family(name, .gauge, help)
            for row in rows { text.sample(name, row.labels, value(row.load)) }
        }
        func counter(_ name: String, _ help: String, _ value: (EngineLoad) -> UInt64) {
            text.family(name, .counter, help)
            for row in rows where row.isFirst { text.sample(name, row.labels, value(row.load)) }
        }
        gauge("vllm:num_requests_running", "Sequences being computed.") { Double($0.running) }
        gauge("vllm:num_requests_waiting", "Sequences waiting to be computed.") { Double($0.waiting) }
        gauge("vllm:kv_cache_usage_perc", "Cache pages in use, 0 to 1.", \.cacheUsage)
        let cache = "vllm:cache_config_info"
        text.family(cache, .gauge, "The cache's shape; always 1.")
        for row in rows {
            let pages = row.facts.pageCounts.max() ?? 0
            let shape = [(name: "block_size", value: "\(row.facts.pageSize)"),
                (name: "num_gpu_blocks", value: "\(pages)")]
            text.sample(cache, row.labels + shape, 1.0)
        }
        let adapters = "vllm:lora_requests_info"
        text.family(adapters, .gauge, "Adapters in use; the value is the time in Unix seconds.")
        for row in rows {
            let none = [(name: "max_lora", value: "0"), (name: "running_lora_adapters", value: ""),
                (name: "waiting_lora_adapters", value: "")]
            text.sample(adapters, row.labels + none, Double(Clock.unixSeconds))
        }
        counter("vllm:num_preemptions_total", "Sequences put back for lack of cache.", \.preemptions)
        counter("vllm:prefix_cache_queries_total", "Prompt tokens looked up in the cache.", \.prefixQueryTokens)
        counter("vllm:prefix_cache_hits_total", "Prompt tokens found in the cache.", \.prefixHitTokens)
        counter("vllm:spec_decode_num_draft_tokens_total", "Tokens guessed ahead and computed.", \.draftTokens)
        counter(
            "vllm:spec_decode_num_accepted_tokens_total", "Guessed tokens that were right.", \.acceptedDraftTokens)
        let tokens = "vllm:iteration_tokens_total"
        text.family(tokens, .histogram, "Tokens computed per step.")
        for row in rows where row.isFirst {
            let bounds = EngineLoad.tokensPerStepBounds.map(Double.init)
            text.histogram(
                tokens, row.labels,
                Histogram(
                    bounds: bounds, counts: row.load.tokensPerStepCounts, sum: Double(row.load.stepTokensTotal)))
        }
        let steps = "tokenmill:step_seconds"
        text.family(steps, .summary, "Seconds per step.")
        for row in rows where row.isFirst {
            text.sample(steps + "_sum", row.labels, row.load.stepSecondsTotal)
            text.sample(steps + "_count", row.labels, row.load.steps)
        }
    }

    private static func writeCounters(_ rows: [EndpointRow], to text: inout PrometheusText) {
        func counter(_ name: String, _ help: String, _ value: (EndpointMeter.Figures) -> UInt64) {
            text.family(name, .counter, help)
            for row in rows { text.sample(name, row.labels, value(row.figures)) }
        }
        counter("vllm:prompt_tokens_total", "Prompt tokens computed or found.", \.promptTokens)
        counter("vllm:generation_tokens_total", "Tokens generated.", \.generatedTokens)
        let success = "vllm:request_success_total"
        text.family(success, .counter, "Choices that ended, by reason.")
        for row in rows {
            for reason in FinishedReason.allCases {
                let label = [(name: "finished_reason", value: reason.rawValue)]
                text.sample(success, row.labels + label, row.figures.finished[reason] ?? 0)
            }
        }
    }

    private static func writeHistograms(_ rows: [EndpointRow], to text: inout PrometheusText) {
        let families: [(String, String, (EndpointMeter.Figures) -> Histogram)] = [
            ("vllm:time_to_first_token_seconds", "From admission to the first token.", { $0.firstToken }),
            ("vllm:inter_token_latency_seconds", "Between tokens of a choice.", { $0.betweenTokens }),
            ("vllm:e2e_request_latency_seconds", "From admission to the last token.", { $0.whole }),
            ("vllm:request_queue_time_seconds", "From admission to the first step.", { $0.queue }),
            ("vllm:request_prefill_time_seconds", "From the first step to the first token.", { $0.prefill }),
            ("vllm:request_decode_time_seconds", "From the first to the last token.", { $0.decode }),
            ("vllm:request_prompt_tokens", "Tokens of a prompt.", { $0.prompt }),
            ("vllm:request_generation_tokens", "Tokens generated for a request.", { $0.generation }),
        ]
        for (name, help, histogram) in families {
            text.family(name, .histogram, help)
            for row in rows { text.histogram(name, row.labels, histogram(row.figures)) }
        }
    }

    private static func writeScaling(_ rows: [EndpointRow], to text: inout PrometheusText) {
        let speed = "tokenmill:tokens_per_second"
        text.family(speed, .gauge, "Tokens generated per second, over the last ten seconds.")
        for row in rows { text.sample(speed, row.labels, row.rates.generatedTokensPerSecond) }
        let desired = "tokenmill:desired_replicas"
        text.family(desired, .gauge, "Replicas that the endpoint should have.")
        for row in rows { text.sample(desired, row.labels, Double(row.hint.desiredReplicas)) }
        let pressure = "tokenmill:scaling_pressure"
        text.family(pressure, .gauge, "Load over what the replicas should carry; 1 is exactly full.")
        for row in rows {
            for item in row.hint.pressures {
                text.sample(pressure, row.labels + [(name: "signal", value: item.signal.rawValue)], item.value)
            }
        }
    }
}
