"""What stands on the flow instrument's front panel, in reading order."""

from diffusion_lab.app.instrument.front_panel import (
    Choice,
    FrontPanel,
    Handle,
    Legend,
    Measure,
    Menu,
    Readout,
    Slider,
    Toggles,
    Transport,
)

FRONT_PANEL = FrontPanel(
    frames="t",
    readouts=[Readout("t", "t"), Readout("nfe", "evaluations"), Readout("end_error", "end error")],
    controls=[
        Choice("mode"),
        Menu("flow"),
        Menu("batch", when="flow:minibatch_transport"),
        Menu("data_set"),
        Slider("t", symbol="t"),
        Slider("num_steps"),
        Choice("solver"),
        Toggles(("show_paths", "show_field", "show_diffusion")),
        Slider("probe_x", when="mode:probe"),
        Slider("probe_y", when="mode:probe"),
        Transport(run="Flow", plays="t", seconds=5),
    ],
    measures=[
        Measure(
            "straightness",
            "straightness S of the flow",
            doc="0 if all points move on straight lines at constant speed; with its Monte-Carlo standard error.",
            beside="±",
        ),
        Measure(
            "detour",
            "path length ÷ distance",
            doc="1 if all paths are straight, at any speed; with its Monte-Carlo standard error.",
            beside="±",
        ),
        Measure(
            "cost",
            "transport cost",
            doc="Mean squared distance from noise to data under the flow, beside that of the pairs it is made of.",
            beside="pairs",
        ),
        Measure(
            "within",
            "ends within 3σ of a centre",
            doc="Share of the solver's end points within 3 standard deviations of a cluster's centre.",
        ),
        Measure(
            "probe",
            "velocity at the probe",
            doc="The flow's velocity there, beside the root mean square distance of the single velocities from it.",
            beside="spread",
            when="mode:probe",
        ),
    ],
    legends=[
        Legend("diffusion's paths", "mute", when="show_diffusion"),
        Legend("velocity field", "field", when="show_field"),
        Legend("velocities that meet at the probe", "ink", when="mode:probe"),
        Legend("their mean", "acc", when="mode:probe"),
    ],
    pads=[Handle("probe_x", "probe_y", "Probe", when="mode:probe")],
    chart="End error against evaluations of the velocity",
)
