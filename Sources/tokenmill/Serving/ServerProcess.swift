// ServerProcess.swift: the life of `tokenmill serve`: listen, load, serve, drain, end.
// It wires the layers together and decides nothing about requests.
import API
import Compute
import Dispatch
import Glibc
import HTTP
import Logging
import Scheduling
import Service

struct ServerProcess {
    /// How often a drain looks whether everything has ended.
    private static let drainPollMilliseconds: UInt32 = 20
    /// After the last answer, time for its bytes to leave.
    private static let closeSecondsMax = 2.0
    /// Between two words about how far loading is.
    private static let progressSeconds = 5.0

    let settings: Settings
    let logger: Logger
    /// Takes what is no log line, so that it stands in order with those.
    let print: @Sendable (String) -> Void

    /// Returns after a drain. Listens before it loads: a port in use is known at once, and health
    /// checks get an answer while a large model loads.
    func run() throws(CommandFailure) {
        let start = DispatchTime.now().uptimeNanoseconds
        let signals = SignalWatch()
        let service = try makeService()
        let (server, addresses) = try listen(service)
        for address in addresses {
            logger.info("listening", metadata: ["address": "\(words(address))"])
        }
        let model = try load()
        service.add(model.served)
        service.start()
        signals.beginWaiting()
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        reportReady(model, addresses, seconds: seconds)
        keepWeights(of: model)
        signals.wait()
        drain(service, server)
    }

    private func makeService() throws(CommandFailure) -> Service {
        var configuration = ServiceConfiguration()
        configuration.keys = KeyRing(settings.keys)
        configuration.version = Version.current
        let service = Service(configuration: configuration, logger: logger)
        let model = ModelLoader(settings: settings).name
        for declared in settings.endpoints {
            do throws(EndpointError) {
                let endpoint = try service.endpoints.create(
                    name: declared.name, model: model, limits: declared.limits,
                    scaling: declared.scaling, createdAt: service.startedAt)
                _ = try service.endpoints.update(endpoint.id) { $0.replicas = declared.replicas }
            } catch {
                throw CommandFailure(
                    "endpoint '\(declared.name)': \(error)", advice: "correct the settings file")
            }
        }
        return service
    }

    private func listen(
        _ service: Service
    ) throws(CommandFailure) -> (Server, [ListenAddress]) {
        let api = API(service: service)
        var configuration = settings.server
        configuration.limits.connectionsMax = connectionsMax()
        configuration.ownAnswer = { api.ownAnswer($0) }
        let server = Server(configuration: configuration) { api.handle($0, $1) }
        do {
            return (server, try server.start())
        } catch {
            throw CommandFailure(listening: error)
        }
    }

    /// As many as the settings say, or as there are descriptors for.
    private func connectionsMax() -> Int {
        let (wanted, descriptors) = (settings.http.limits.connectionsMax, DescriptorLimit.raise())
        let possible = DescriptorLimit.connectionsMax(wanted: wanted, descriptors: descriptors)
        if possible < wanted {
            logger.warning(
                "too few descriptors for http.connections_max; raise the hard limit (ulimit -Hn)",
                metadata: [
                    "wanted": .stringConvertible(wanted), "possible": .stringConvertible(possible),
                    "descriptors": .stringConvertible(descriptors),
                ])
        }
        return possible
    }

    private func load() throws(CommandFailure) -> LoadedModel {
        logger.info("loading", metadata: ["path": "\(settings.model.path)"])
        let model = try ModelLoader(settings: settings).load(progress: reportProgress())
        for warning in model.warnings { logger.warning("\(warning)") }
        let report = model.report
        logger.info(
            "loaded",
            metadata: [
                "model": "\(model.served.id)", "family": "\(report.family)",
                "parameters": .stringConvertible(report.parameters), "formats": "\(report.formats)",
                "weights": "\(ByteSize.about(report.weightBytes))",
                "cache": "\(ByteSize.about(report.cacheBytes))",
                "cache_tokens": .stringConvertible(report.cacheTokens),
                "context": .stringConvertible(report.contextMax),
                "threads": .stringConvertible(report.threads), "kernels": "\(report.kernels)",
                "packed": "\(model.store.piecesMade == 0 ? "reused" : "made")",
                "resident": "\(ByteSize.about(MachineMemory.residentBytes ?? 0))",
                "seconds": .stringConvertible((report.seconds * 1000).rounded() / 1000),
            ])
        return model
    }

    /// Says how far loading is, at most every few seconds.
    private func reportProgress() -> (Int, Int) -> Void {
        var last = DispatchTime.now()
        return { done, layers in
            guard DispatchTime.now() > last + Self.progressSeconds else { return }
            last = .now()
            logger.info("loading", metadata: ["layers": "\(done) of \(layers)"])
        }
    }

    /// For the next start, beside the work of this one; ended with the process, if that comes first.
    private func keepWeights(of model: LoadedModel) {
        guard model.store.piecesMade > 0, let folder = model.packedFolder else { return }
        _ = Background { [logger, store = model.store] in
            do throws(PackedFolderError) {
                try folder.keep(store)
                logger.info(
                    "kept packed weights for the next start",
                    metadata: ["folder": "\(folder.path)", "bytes": "\(ByteSize.about(store.bytes))"])
            } catch {
                logger.notice("packed weights are not kept for the next start: \(error)")
            }
        }
    }

    private func reportReady(
        _ model: LoadedModel, _ addresses: [ListenAddress], seconds: Double
    ) {
        logger.notice(
            "ready",
            metadata: [
                "addresses": "\(addresses.map(words).joined(separator: ", "))",
                "seconds": .stringConvertible((seconds * 1000).rounded() / 1000),
            ])
        guard settings.log.format == .text, let address = addresses.first else { return }
        print("\ntry it:\n\(CurlLine.text(model.served, at: address, settings))\n\n")
    }

    private func words(_ address: ListenAddress) -> String {
        switch address {
        case .internet: "\(settings.listen.tlsKey.isEmpty ? "http" : "https")://\(address)"
        case .unix: "\(address)"
        }
    }

    /// New requests are refused and readiness says so, while what runs may finish in its time.
    private func drain(_ service: Service, _ server: Server) {
        let seconds = settings.service.drainSecondsMax
        let deadline = DispatchTime.now() + .seconds(seconds)
        service.drain(until: deadline)
        // Said once it is so: who reads it may ask at once whether the server is ready.
        logger.notice(
            "draining",
            metadata: [
                "live": .stringConvertible(service.liveRequests),
                "seconds_max": .stringConvertible(seconds),
            ])
        wait(until: deadline) { service.liveRequests == 0 }
        let left = service.liveRequests
        server.drain()
        wait(until: .now() + Self.closeSecondsMax) { server.connectionCount == 0 }
        server.stop()
        logger.notice("stopped", metadata: ["cut": .stringConvertible(left)])
    }

    private func wait(until deadline: DispatchTime, _ isDone: () -> Bool) {
        while !isDone(), DispatchTime.now() < deadline {
            usleep(Self.drainPollMilliseconds * 1000)
        }
    }
}
