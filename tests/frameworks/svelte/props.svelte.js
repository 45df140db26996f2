/** Properties of the root component that can be replaced. */
export class Props {
  given = $state.raw({});

  shown() {
    const self = this;
    return {
      get options() {
        return self.given.options;
      },
      get chargeKey() {
        return self.given.chargeKey;
      },
      get without() {
        return self.given.without;
      },
    };
  }
}
