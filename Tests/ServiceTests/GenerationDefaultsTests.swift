import JSON
import Testing

@testable import Service

@Suite struct GenerationDefaultsTests {
    @Test func `GGUF's sampling keys are read`() {
        let values = [
            "temp": 0.5, "top_p": 0.25, "top_k": 40, "min_p": 0.125, "penalty_repeat": 1.5,
        ]
        let defaults = GenerationDefaults { key in
            values.first { key == "general.sampling." + $0.key }?.value
        }
        #expect(defaults.temperature == 0.5 && defaults.topP == 0.25 && defaults.topK == 40)
        #expect(defaults.minP == 0.125 && defaults.repetitionPenalty == 1.5 && defaults.tokensMax == nil)
    }

    @Test(arguments: [-1, 2.5, Double.nan, .infinity]) func `what no request may ask for is not recommended`(
        value: Double
    ) {
        let defaults = GenerationDefaults { _ in value }
        #expect(defaults.temperature == nil && defaults.topP == nil && defaults.topK == nil)
    }

    @Test(arguments: [
        (["do_sample": false], 0), (["do_sample": false, "temperature": 0.7], 0),
        (["do_sample": true, "temperature": 0.5], 0.5), (["temperature": 0.5], 0.5), ([:], nil),
    ] as [(JSONValue, Float?)])
    func `sampling switched off is temperature zero`(configuration: JSONValue, temperature: Float?) {
        #expect(GenerationDefaults(generationConfiguration: configuration).temperature == temperature)
    }
}
